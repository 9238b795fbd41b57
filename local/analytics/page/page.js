import { readable } from './readable.js';

const filterNames = ['text', 'host', 'user', 'severity', 'stream', 'hash', 'from', 'to'];
const liveEveryMs = 5000;

const byId = (id) => document.getElementById(id);
const [form, results, problem, empty] = ['filters', 'results', 'problem', 'empty'].map(byId);

/** Records are hostile: all text goes through here, and none of it is ever read as markup. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** What can't be seen, or turns the writing round: a file name may hide its ending with it. Joiners belong to words. */
const unseen = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\ufffe\uffff]/gu;
const mostMarks = 1000;

/** The text with unseen characters named. */
function visible(text) {
  const pieces = [];
  let start = 0;
  for (const { 0: character, index } of text.matchAll(unseen)) {
    if (pieces.length > 2 * mostMarks) break;
    const code = character.codePointAt(0).toString(16).toUpperCase().padStart(4, '0');
    pieces.push(text.slice(start, index), make('span', { class: 'mark' }, `U+${code}`));
    start = index + character.length;
  }
  pieces.push(text.slice(start));
  return pieces;
}

const readableTime = (iso = '') => iso.replace('T', ' ').replace(/(\.\d+)?Z$/, '');

function rowOf({ time, arrived, severity, stream, host, user, what }) {
  const shownTime = make('time', { title: time }, ...visible(readableTime(time)));
  if (arrived) shownTime.append(make('small', { title: arrived }, 'sorted by its arrival'));
  const cell = (name, text, more = {}) =>
    make('span', { class: name, title: text ?? '', ...more }, ...visible(text ?? ''));
  const chip = severity
    ? cell('severity', severity, { 'data-severity': severity })
    : make('span', { class: 'none' });
  return make(
    'summary',
    { class: 'row' },
    shownTime,
    chip,
    cell('stream', stream),
    cell('host', host),
    cell('user', user),
    cell('what', what),
  );
}

function rawOf(raw, uuid) {
  const pretty = readable(raw);
  const pre = make('pre', { tabindex: '0', 'aria-label': 'Raw record' });
  const forms = [['As it came', () => pre.replaceChildren(raw)]];
  if (pretty !== undefined) forms.unshift(['Readable', () => pre.replaceChildren(...visible(pretty))]);
  const buttons = forms.map(([label, show]) => {
    const button = make('button', { type: 'button', 'aria-pressed': 'false' }, label);
    button.addEventListener('click', () => {
      for (const each of buttons) each.setAttribute('aria-pressed', String(each === button));
      show();
    });
    return button;
  });
  buttons[0].click();
  const link = make(
    'a',
    { href: `/artifacts/${uuid}/raw`, target: '_blank', rel: 'noopener' },
    'Open as text',
  );
  const tools = make('div', { class: 'tools' }, make('h3', {}, 'Raw record'), ...buttons, link);
  return [tools, pre];
}

function detailOf({ raw, metadata, source, timestamp, arrived }, uuid) {
  const own = Object.entries({ timestamp, arrived, source });
  const entries = [...own, ...Object.entries(metadata)].flatMap(([key, value]) => [
    make('dt', {}, ...visible(key)),
    make('dd', {}, ...visible([value].flat().join(', '))),
  ]);
  return [make('h3', {}, 'Metadata'), make('dl', { tabindex: '0' }, ...entries), ...rawOf(raw, uuid)];
}

/** Reads JSON from the stand-in, or throws an Error for the reader. */
async function ask(path) {
  const answer = await fetch(path).catch(() => {
    throw new Error('The stand-in does not answer. Is it still running?');
  });
  if (answer.status === 404)
    throw new Error('This artifact is no longer held: only the newest are. Refresh the list.');
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.message);
  return body;
}

function itemOf(result) {
  const detail = make('div', { class: 'detail' });
  const details = make('details', {}, rowOf(result), detail);
  const fill = async () => {
    if (!details.open || detail.childElementCount > 0) return;
    const path = `/artifacts/${result.uuid}`;
    try {
      detail.replaceChildren(...detailOf(await ask(path), result.uuid));
    } catch (error) {
      detail.replaceChildren(error.message);
    }
  };
  details.addEventListener('toggle', fill);
  const item = make('li', {}, details);
  item.uuid = result.uuid;
  return item;
}

const fields = () => new URLSearchParams(new FormData(form));
const filtersIn = (params) => filterNames.filter((name) => params.get(name));
const numbered = new Intl.NumberFormat('en');

/** The filters that are set, and the page, in the order of the form. */
function addressOf(params, page) {
  const query = new URLSearchParams(filtersIn(params).map((name) => [name, params.get(name)]));
  if (page > 1) query.set('page', page);
  return query.size > 0 ? `/?${query}` : '/';
}

function fillForm() {
  const params = new URLSearchParams(location.search);
  for (const name of filterNames) {
    const value = params.get(name) ?? '';
    const field = form.elements.namedItem(name);
    const isKnown = field.tagName !== 'SELECT' || [...field.options].some((option) => option.value === value);
    if (!isKnown) field.append(make('option', {}, value));
    field.value = field.type === 'datetime-local' ? value.replace(/Z$/, '') : value;
  }
}

const nothing = {
  held: [
    'Nothing is found',
    'Text is looked for anywhere. Every other field compares the whole value, capitals included; times are UTC.',
    'Take a filter away, or clear them all.',
  ],
  waiting: [
    'Nothing has arrived yet',
    'Artifacts appear here as soon as something posts them: run npm start and leave it running.',
    'This page looks again every few seconds while Live is on.',
  ],
};

function showEmpty(held) {
  const [title, ...lines] = nothing[held > 0 ? 'held' : 'waiting'];
  empty.replaceChildren(make('h2', {}, title), ...lines.map((line) => make('p', {}, line)));
}

function showCount(total, first, shown) {
  const of = `${numbered.format(total)} ${total === 1 ? 'artifact' : 'artifacts'}`;
  const said = shown > 0 ? `${numbered.format(first + 1)}–${numbered.format(first + shown)} of ${of}` : of;
  // A reader of the screen is told again only when something changed.
  if (byId('count').textContent !== said) byId('count').textContent = said;
}

/** Keeps the rows that stay, open as they are; so a refresh takes nothing away from who reads or types. */
function showResults(found) {
  const known = new Map([...results.children].map((item) => [item.uuid, item]));
  const wanted = found.map((result) => known.get(result.uuid) ?? itemOf(result));
  for (const item of known.values()) if (!wanted.includes(item)) item.remove();
  wanted.forEach((item, index) => {
    if (results.children[index] !== item) results.insertBefore(item, results.children[index] ?? null);
  });
}

function show({ results: found, total, page, pageSize, held }) {
  const pages = Math.max(1, Math.ceil(total / pageSize));
  showCount(total, (page - 1) * pageSize, found.length);
  showResults(found);
  showEmpty(held);
  empty.hidden = found.length > 0;
  byId('table').hidden = found.length === 0;
  byId('pages').hidden = pages === 1 && page === 1;
  byId('page').textContent = `Page ${numbered.format(page)} of ${numbered.format(pages)}`;
  byId('newer').disabled = page <= 1;
  byId('older').disabled = page >= pages;
}

let latest = 0;
/** Shows what the address asks for; an answer that a later one has overtaken is dropped. */
async function load() {
  latest += 1;
  const mine = latest;
  const outcome = await ask(`/search${location.search}`).catch((error) => error);
  if (mine !== latest) return;
  const failed = outcome instanceof Error;
  problem.hidden = !failed;
  problem.textContent = failed ? outcome.message : '';
  if (!failed) show(outcome);
}

function go(address) {
  if (address !== location.pathname + location.search) history.pushState(null, '', address);
  return load();
}

const turn = (by) => {
  const params = new URLSearchParams(location.search);
  return go(addressOf(params, (Number(params.get('page')) || 1) + by));
};

form.addEventListener('submit', (event) => {
  event.preventDefault();
  go(addressOf(fields(), 1));
});
form.addEventListener('reset', (event) => {
  event.preventDefault();
  history.pushState(null, '', '/');
  fillForm();
  load();
});
form.elements.namedItem('severity').addEventListener('change', () => form.requestSubmit());
byId('refresh').addEventListener('click', load);
byId('newer').addEventListener('click', () => turn(-1));
byId('older').addEventListener('click', () => turn(1));
addEventListener('popstate', () => {
  fillForm();
  load();
});
setInterval(() => {
  if (byId('live').checked && !document.hidden) load();
}, liveEveryMs);

fillForm();
load();
