import { choose, filtersIn, parameters } from './address.js';
import { byId, make, makeButton, numbered, readableTime, visible } from './dom.js';

/** Further instances are shown on request, because there can be hundreds. */
const fewInstances = 8;
const severities = ['critical', 'high', 'medium', 'low', 'informational'];
const labels = { text: 'search', last: 'last', hash: 'file hash' };

let allInstances = false;

function facetButton(facet, [value, count], chosen) {
  const isChosen = chosen?.toLowerCase() === value.toLowerCase();
  const known = facet === 'severity' || facet === 'outcome' ? { 'data-value': value } : {};
  return makeButton(
    [make('span', { class: 'value' }, ...visible(value)), make('span', { class: 'number' }, numbered(count))],
    { 'aria-pressed': String(isChosen), title: value, ...known },
    () => choose({ [facet]: isChosen ? '' : value }),
  );
}

function valuesFor(facet, counts) {
  if (facet !== 'severity') return counts;
  const rank = ([value]) => (severities.indexOf(value) + severities.length) % (severities.length + 1);
  return counts.toSorted((a, b) => rank(a) - rank(b));
}

function showFacet(box, counts) {
  const facet = box.dataset.facet;
  const chosen = parameters().get(facet);
  const all = valuesFor(facet, counts);
  const shown = facet === 'instance' && !allInstances ? all.slice(0, fewInstances) : all;
  const buttons = shown.map((count) => facetButton(facet, count, chosen));
  if (all.length > fewInstances && facet === 'instance') {
    const label = allInstances ? 'Show fewer' : `Show all ${numbered(all.length)}`;
    buttons.push(
      makeButton(label, { class: 'more', 'aria-expanded': String(allInstances) }, () => {
        allInstances = !allInstances;
        showFacet(box, counts);
        box.querySelector('.more').focus();
      }),
    );
  }
  const focused = [...box.children].indexOf(document.activeElement);
  box.replaceChildren(...buttons);
  box.children[focused]?.focus();
  box.parentElement.classList.toggle('none', all.length === 0 && facet !== 'instance');
}

/** Shows how many results have each severity, outcome, stream and instance. */
export function showFacets(counts) {
  for (const box of document.querySelectorAll('[data-facet]')) showFacet(box, counts[box.dataset.facet]);
  const options = counts.instance.map(([value]) => make('option', { value }));
  byId('instances').replaceChildren(...options);
  const last = parameters().get('last') ?? '';
  const isRange = parameters().has('from') || parameters().has('to');
  for (const button of document.querySelectorAll('[data-last]'))
    button.setAttribute('aria-pressed', String(!isRange && button.dataset.last === last));
}

/** Shows each active filter, with a button that removes it. */
export function showChips() {
  const chips = filtersIn(parameters()).map(([name, value]) => {
    const label = `${labels[name] ?? name}: ${value}`;
    const button = makeButton(
      [make('span', {}, ...visible(label)), make('span', { 'aria-hidden': 'true' }, ' ×')],
      { class: 'chip', 'aria-label': `Remove filter ${label}`, title: label },
      () => choose({ [name]: '' }),
    );
    return make('li', {}, button);
  });
  byId('chips').replaceChildren(...chips);
}

const iso = (ms) => new Date(ms).toISOString().slice(0, 19);

/** Shows the results over time. A bar filters to its time. Tab reaches one bar, and the arrow keys the others. */
export function showTimeline(timeline) {
  const box = byId('timeline');
  const [bars, ends] = box.children;
  box.hidden = timeline === undefined;
  if (timeline === undefined) return;
  const { start, stepSeconds, counts } = timeline;
  const first = Date.parse(start);
  const most = Math.max(...counts);
  const at = (index) => first + index * stepSeconds * 1000;
  const focused = [...bars.children].indexOf(document.activeElement);
  const buttons = counts.map((count, index) => {
    const [from, to] = [iso(at(index)), iso(at(index + 1) - 1000)];
    const title = `${readableTime(from)} to ${to.slice(11)} UTC: ${numbered(count)}`;
    const bar = make('span', {});
    // The policy allows no style attribute; a script may set a style.
    bar.style.height = `${count === 0 ? 0 : Math.max(6, (100 * count) / most)}%`;
    const tabindex = index === Math.max(0, focused) ? '0' : '-1';
    return makeButton(bar, { title, tabindex, 'aria-label': title }, () => choose({ from, to, last: '' }));
  });
  bars.replaceChildren(...buttons);
  if (focused >= 0) buttons[Math.min(focused, buttons.length - 1)]?.focus();
  const end = at(counts.length);
  ends.children[0].textContent = readableTime(iso(first));
  ends.children[1].textContent = `${stepOf(stepSeconds)} per bar, at most ${numbered(most)}`;
  ends.children[2].textContent = readableTime(iso(end));
}

function stepOf(seconds) {
  const [unit, size] = [
    ['d', 86400],
    ['h', 3600],
    ['min', 60],
  ].find(([, one]) => seconds >= one) ?? ['s', 1];
  return `${Math.round(seconds / size)} ${unit}`;
}

byId('timeline').addEventListener('keydown', (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const next = by === -1 ? event.target.previousElementSibling : event.target.nextElementSibling;
  if (by === undefined || next === null) return;
  event.preventDefault();
  event.target.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
});

for (const button of document.querySelectorAll('[data-last]'))
  button.addEventListener('click', () => choose({ last: button.dataset.last, from: '', to: '' }));
