import { byId } from './dom.js';

const names = [
  'text',
  'instance',
  'host',
  'user',
  'severity',
  'outcome',
  'stream',
  'hash',
  'last',
  'from',
  'to',
];
const form = byId('filters');

export const parameters = () => new URLSearchParams(location.search);

/** The filters in the order of the form. */
export const filtersIn = (params) =>
  names.filter((name) => params.get(name)).map((name) => [name, params.get(name)]);

/** The address with the filters and the page number. */
export function addressOf(params, page = 1) {
  const query = new URLSearchParams(filtersIn(params));
  if (page > 1) query.set('page', page);
  return query.size > 0 ? `/?${query}` : '/';
}

/** The address that shows one artifact. */
export const artifactAddress = (uuid) => `/?artifact=${uuid}`;

/** Fills the form from the address. */
export function fillForm() {
  const params = parameters();
  for (const name of names) {
    const field = form.elements.namedItem(name);
    const value = params.get(name) ?? '';
    field.value = field.type === 'datetime-local' ? value.replace(/Z$/, '') : value;
  }
}

/** Changes filters and searches. Choosing a value again removes it. */
export function choose(changes) {
  for (const [name, value] of Object.entries(changes)) form.elements.namedItem(name).value = value;
  form.requestSubmit();
}

/** Adds a term to the query. */
export function addTerm(name, value) {
  const field = form.elements.namedItem('text');
  const term = `${name}:"${value.replaceAll('"', '""')}"`;
  if (!field.value.includes(term)) field.value = `${field.value} ${term}`.trim();
  form.requestSubmit();
}
