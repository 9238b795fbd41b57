import { addTerm, artifactAddress, choose } from './address.js';
import { byId, make, makeButton, visible } from './dom.js';
import { readable } from './readable.js';

/** The form's field for a metadata key; any other key becomes a term of the query. */
const fieldOf = {
  instance: 'instance',
  stream: 'stream',
  severityLabel: 'severity',
  clientHostname: 'host',
  userName: 'user',
  fileHash: 'hash',
};
/** These are attributes of the artifact, not of its metadata. */
const notSearched = new Set(['timestamp', 'arrived', 'source']);
/** A value longer than this does not fit into an address. */
const longestFilter = 1000;

const filterBy = (key, value) =>
  Object.hasOwn(fieldOf, key) ? choose({ [fieldOf[key]]: value }) : addTerm(key, value);

async function copy(button, text) {
  const label = button.textContent;
  const said = await navigator.clipboard.writeText(text).then(
    () => 'Copied',
    () => 'Not allowed',
  );
  button.textContent = said;
  setTimeout(() => {
    button.textContent = label;
  }, 1500);
}

const copyButton = (label, text, more = {}) => {
  const button = makeButton(label, more, () => copy(button, text));
  return button;
};

function itemOf(key, value) {
  const tools = [copyButton('Copy', value, { 'aria-label': `Copy ${key}` })];
  const canFilter =
    !notSearched.has(key) && value !== '' && value.length <= longestFilter && /^\w+$/.test(key);
  if (canFilter)
    tools.unshift(
      makeButton('Filter', { 'aria-label': `Filter by ${key} ${value.slice(0, 80)}` }, () =>
        filterBy(key, value),
      ),
    );
  return make(
    'li',
    {},
    make('span', { class: 'text' }, ...visible(value)),
    make('span', { class: 'do' }, ...tools),
  );
}

function rawOf(raw, uuid) {
  const pretty = readable(raw);
  const pre = make('pre', { tabindex: '0', role: 'region', 'aria-label': 'Raw record' });
  const forms = [['Raw', () => pre.replaceChildren(raw)]];
  if (pretty !== undefined) forms.unshift(['Formatted', () => pre.replaceChildren(...visible(pretty))]);
  const buttons = forms.map(([label, show]) =>
    makeButton(label, { 'aria-pressed': 'false' }, (event) => {
      for (const each of buttons) each.setAttribute('aria-pressed', String(each === event.currentTarget));
      show();
    }),
  );
  buttons[0].click();
  const text = make(
    'a',
    { href: `/artifacts/${uuid}/raw`, target: '_blank', rel: 'noopener' },
    'Open as text',
  );
  const tools = make(
    'div',
    { class: 'tools' },
    make('h2', {}, 'Raw record'),
    ...buttons,
    copyButton('Copy record', raw),
    text,
  );
  return [tools, pre];
}

/** Links to a console lead only to SentinelOne, whatever a record contains. */
const consoleHost = /^[a-z0-9-]+(\.[a-z0-9-]+)*\.sentinelone\.net$/;

function linksOf({ senderHost, threatId, instance }, uuid) {
  const links = [make('a', { href: artifactAddress(uuid) }, 'Link to this artifact')];
  if (consoleHost.test(senderHost) && /^\d{1,30}$/.test(threatId))
    links.push(
      make(
        'a',
        {
          href: `https://${senderHost}/incidents/threats/${threatId}/overview`,
          target: '_blank',
          rel: 'noopener noreferrer',
        },
        'Threat in the console ↗',
      ),
    );
  const tiles = byId('tiles')?.href;
  if (tiles && typeof instance === 'string') {
    const address = new URL(tiles);
    address.searchParams.set('find', instance);
    links.push(make('a', { href: address.href }, 'Status of ', ...visible(instance)));
  }
  return make('p', { class: 'links' }, ...links);
}

/** All of an artifact: its links, its metadata and its record. */
export function detailOf({ raw, metadata, source, timestamp, arrived }, uuid) {
  const own = Object.entries({ timestamp, arrived, source });
  const entries = [...own, ...Object.entries(metadata)].flatMap(([key, value]) => [
    make('dt', {}, ...visible(key)),
    make('dd', {}, make('ul', {}, ...[value].flat().map((one) => itemOf(key, one)))),
  ]);
  return [
    linksOf(metadata, uuid),
    make(
      'div',
      { class: 'metadata', tabindex: '0', role: 'region', 'aria-label': 'Metadata' },
      make('dl', {}, ...entries),
    ),
    ...rawOf(raw, uuid),
  ];
}
