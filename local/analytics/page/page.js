import { readable } from './readable.js';

const filterNames = ['text', 'host', 'user', 'severity', 'stream', 'hash', 'from', 'to'];
const liveEveryMs = 5000;

const byId = (id) => document.getElementById(id);
const [form, results, problem, empty] = ['filters', 'results', 'problem', 'empty'].map(byId);

/** Creates an element. All text of records is added as text nodes, so it is never parsed as HTML. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

/** Invisible and direction-changing characters, which can hide a file extension. Joiners are part of words. */
const unseen = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\ufffe\uffff]/gu;
const mostMarks = 1000;

/** Returns the text with each invisible character replaced by its code point. */
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
  if (arrived) shownTime.append(make('small', { title: arrived }, 'sorted by arrival time'));
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
  const forms = [['Raw', () => pre.replaceChildren(raw)]];
  if (pretty !== undefined) forms.unshift(['Formatted', () => pre.replaceChildren(...visible(pretty))]);
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

/** Reads JSON from the stand-in. Throws an Error with a message to show. */
async function ask(path) {
  const answer = await fetch(path).catch(() => {
    throw new Error('The server does not respond. Check that npm start is still running.');
  });
  if (answer.status === 404)
    throw new Error('This artifact was dropped to make room for newer ones. Refresh the list.');
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

/** The URL with the filters and the page number, in the order of the form. */
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
    'No results',
    'Text searches everywhere; other fields match exactly (case-sensitive). Times are in UTC.',
    'Remove a filter, or clear all filters.',
  ],
  waiting: [
    'No artifacts yet',
    'Artifacts appear here when the forwarder posts them. Keep npm start running.',
    'While Live is on, this page refreshes every few seconds.',
  ],
};

function showEmpty(held) {
  const [title, ...lines] = nothing[held > 0 ? 'held' : 'waiting'];
  empty.replaceChildren(make('h2', {}, title), ...lines.map((line) => make('p', {}, line)));
}

function showCount(total, first, shown) {
  const of = `${numbered.format(total)} ${total === 1 ? 'artifact' : 'artifacts'}`;
  const label = shown > 0 ? `${numbered.format(first + 1)}–${numbered.format(first + shown)} of ${of}` : of;
  // Set only if changed, because a screen reader announces each update.
  if (byId('count').textContent !== label) byId('count').textContent = label;
}

/** Keeps rows that are still in the results, so that a refresh does not close open details or move the focus. */
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
/** Loads the results for the current URL. A response that arrives after a newer one is ignored. */
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
