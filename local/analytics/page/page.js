import { addressOf, fillForm, parameters } from './address.js';
import { showChips, showFacets, showTimeline } from './counts.js';
import { ask, byId, make, numbered } from './dom.js';
import { listenToKeys } from './keys.js';
import { showLinked, showRows } from './rows.js';

const askEveryMs = 5000;
const form = byId('filters');
const [problem, empty, fresh, panel] = ['problem', 'empty', 'fresh', 'panel'].map(byId);
const title = document.title;

/** The number of artifacts accepted when the list was loaded. Its pages do not change until it is loaded again. */
let newest;
let isEmpty = false;

const nothing = {
  held: [
    'No results',
    'All filters must match. Upper and lower case are the same, and the beginning of a host, user or hash is enough.',
    'Remove a filter, or clear all filters.',
  ],
  waiting: [
    'No artifacts yet',
    'Artifacts appear here when the forwarder posts them. Keep npm start running.',
  ],
};

function showEmpty(held) {
  const [heading, ...lines] = nothing[held > 0 ? 'held' : 'waiting'];
  empty.replaceChildren(make('h2', { class: 'title' }, heading), ...lines.map((line) => make('p', {}, line)));
}

function showCount(total, first, shown) {
  const of = `${numbered(total)} ${total === 1 ? 'artifact' : 'artifacts'}`;
  const label = shown > 0 ? `${numbered(first + 1)}–${numbered(first + shown)} of ${of}` : of;
  // Set only if changed, because a screen reader announces each update.
  if (byId('count').textContent !== label) byId('count').textContent = label;
}

function showNew(count) {
  fresh.hidden = count === 0;
  fresh.textContent = `${numbered(count)} new`;
  document.title = count === 0 ? title : `(${numbered(count)}) ${title}`;
}

function showLinkToTiles(url) {
  if (url && !byId('tiles')) byId('site').append(make('a', { id: 'tiles', href: url }, 'Instances'));
}

/** Replaces a page number past the end with the last page, also in the address. */
function correctAddress(page) {
  const params = parameters();
  if (!params.has('page') || Number(params.get('page')) === page) return;
  if (page > 1) params.set('page', page);
  else params.delete('page');
  history.replaceState(null, '', params.size > 0 ? `/?${params}` : '/');
}

function show({ results, total, page, pages, pageSize, held, counts, timeline, tilesUrl, ...found }) {
  newest = found.newest;
  isEmpty = total === 0;
  correctAddress(page);
  showLinkToTiles(tilesUrl);
  showNew(0);
  showCount(total, (page - 1) * pageSize, results.length);
  showChips();
  showFacets(counts);
  showTimeline(timeline);
  showRows(results);
  showEmpty(held);
  empty.hidden = total > 0;
  byId('table').hidden = total === 0;
  byId('pages').hidden = pages === 1;
  byId('page').textContent = `Page ${numbered(page)} of ${numbered(pages)}`;
  byId('newer').disabled = page <= 1;
  byId('older').disabled = page >= pages;
}

let latest = 0;
/** Loads the results for the address. A response that arrives after a newer one is ignored. */
async function load() {
  latest += 1;
  const mine = latest;
  const params = parameters();
  if (newest !== undefined) params.set('upto', newest);
  const outcome = await ask(`/search?${params}`).catch((error) => error);
  if (mine !== latest) return;
  const failed = outcome instanceof Error;
  problem.hidden = !failed;
  problem.textContent = failed ? outcome.message : '';
  if (failed) return;
  show(outcome);
  await showLinked();
}

/** Loads the list again with what has arrived since. */
function renew() {
  newest = undefined;
  return load();
}

function go(address) {
  if (address !== location.pathname + location.search) history.pushState(null, '', address);
}

async function turn(by) {
  go(addressOf(parameters(), (Number(parameters().get('page')) || 1) + by));
  await load();
  byId('table').scrollIntoView({ block: 'nearest' });
}

function fold(isOpen) {
  panel.classList.toggle('open', isOpen);
  byId('fold').setAttribute('aria-expanded', String(isOpen));
}

/** The list does not change while it is read. New artifacts are counted. */
async function countNew() {
  if (document.hidden || newest === undefined) return;
  const mine = latest;
  const query = new URLSearchParams({ ...Object.fromEntries(parameters()), after: newest });
  const { count = 0 } = await ask(`/new?${query}`).catch(() => ({}));
  if (mine !== latest || count === 0) return;
  if (isEmpty) renew();
  else showNew(count);
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  fold(false);
  go(addressOf(new URLSearchParams(new FormData(form))));
  renew();
});
form.addEventListener('reset', (event) => {
  event.preventDefault();
  go('/');
  fillForm();
  renew();
});
// A custom start or end replaces a selected time range.
for (const name of ['from', 'to'])
  form.elements.namedItem(name).addEventListener('input', () => {
    form.elements.namedItem('last').value = '';
  });
byId('fold').addEventListener('click', () => fold(!panel.classList.contains('open')));
byId('refresh').addEventListener('click', renew);
fresh.addEventListener('click', async () => {
  go(addressOf(parameters()));
  await renew();
  document.querySelector('#results summary')?.focus({ preventScroll: true });
});
byId('newer').addEventListener('click', () => turn(-1));
byId('older').addEventListener('click', () => turn(1));
addEventListener('popstate', () => {
  fillForm();
  renew();
});
setInterval(countNew, askEveryMs);
listenToKeys();
fillForm();
renew();
