import { parameters } from './address.js';
import { detailOf } from './artifact.js';
import { ask, byId, make, readableTime, visible } from './dom.js';

const results = byId('results');

function rowOf({ time, arrived, severity, instance, stream, host, user, outcome, what }) {
  const cell = (name, text = '', more = {}) =>
    make('span', { class: name, title: text, ...more }, ...visible(text));
  const shownTime = make('time', { title: time }, ...visible(readableTime(time)));
  if (arrived) shownTime.append(make('abbr', { title: `Sorted by its arrival at ${arrived}` }, ' arrived'));
  const message = cell('what', what);
  const badge = outcome && make('span', { class: 'outcome', 'data-value': outcome }, outcome);
  return make(
    'summary',
    { class: 'row' },
    shownTime,
    cell('severity', severity, { 'data-value': severity ?? '' }),
    cell('instance', instance),
    cell('stream', stream),
    cell('host', host),
    cell('user', user),
    make('span', { class: 'message' }, ...(badge ? [badge] : []), message),
  );
}

/** Keeps the open artifact in the address, so that the address can be shared. */
function noteOpen(uuid, isOpen) {
  const params = parameters();
  if (isOpen) params.set('artifact', uuid);
  else if (params.get('artifact') === uuid) params.delete('artifact');
  else return;
  history.replaceState(null, '', params.size > 0 ? `/?${params}` : '/');
}

/** A row that opens to the whole artifact. */
export function itemOf(result) {
  const detail = make('div', { class: 'detail' });
  const details = make('details', {}, rowOf(result), detail);
  details.addEventListener('toggle', async () => {
    noteOpen(result.uuid, details.open);
    if (!details.open || detail.childElementCount > 0) return;
    try {
      detail.replaceChildren(...detailOf(await ask(`/artifacts/${result.uuid}`), result.uuid));
    } catch (error) {
      detail.replaceChildren(error.message);
    }
  });
  const item = make('li', {}, details);
  item.uuid = result.uuid;
  return item;
}

/** Keeps rows that are still in the results, so that a refresh does not close open details or move the focus. */
export function showRows(found) {
  const known = new Map([...results.children].map((item) => [item.uuid, item]));
  const wanted = found.map((result) => known.get(result.uuid) ?? itemOf(result));
  for (const item of known.values()) if (!wanted.includes(item)) item.remove();
  wanted.forEach((item, index) => {
    if (results.children[index] !== item) results.insertBefore(item, results.children[index] ?? null);
  });
}

/** Opens the artifact that the address names: in the list, or above it. */
export async function showLinked() {
  const uuid = parameters().get('artifact');
  const box = byId('linked');
  box.hidden = true;
  if (!uuid) return;
  const listed = [...results.children].find((item) => item.uuid === uuid);
  if (listed !== undefined) {
    listed.firstElementChild.open = true;
    return;
  }
  const list = box.querySelector('ol');
  box.hidden = false;
  if (!/^[0-9a-f-]{36}$/.test(uuid))
    return list.replaceChildren(make('li', { class: 'detail' }, 'Invalid address.'));
  try {
    const { row } = await ask(`/artifacts/${uuid}`);
    const item = itemOf(row);
    item.firstElementChild.open = true;
    list.replaceChildren(item);
  } catch (error) {
    list.replaceChildren(make('li', { class: 'detail' }, error.message));
  }
}
