import { byId } from './dom.js';

const rows = () => [...document.querySelectorAll('main summary')];
const isField = ({ tagName }) => ['INPUT', 'TEXTAREA', 'SELECT'].includes(tagName);

/** The row with the focus, or the row whose details have it. */
const currentRow = () => document.activeElement.closest('details')?.firstElementChild;

function move(by) {
  const all = rows();
  const next = all[all.indexOf(currentRow()) + by];
  if (next === undefined) return;
  next.focus();
  next.scrollIntoView({ block: 'nearest' });
}

function close() {
  const row = currentRow();
  if (row?.parentElement.open) {
    row.parentElement.open = false;
    row.focus();
  } else if (isField(document.activeElement)) document.activeElement.blur();
}

const keys = {
  '/': () => {
    byId('text').focus();
    byId('text').select();
  },
  ArrowDown: () => move(1),
  ArrowUp: () => move(-1),
  Escape: close,
};

/** `/` moves to the search, arrow keys move through the rows, Enter opens and Esc closes an artifact. */
export function listenToKeys() {
  addEventListener('keydown', (event) => {
    const { key, target } = event;
    const action = keys[key];
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented)
      return;
    const fromSearch = target === byId('text') && key === 'ArrowDown';
    if (isField(target) && key !== 'Escape' && !fromSearch) return;
    // In a scrollable region, arrow keys scroll.
    if (key.startsWith('Arrow') && target.closest('[role=region]')) return;
    if (key !== 'Escape') event.preventDefault();
    action();
  });
}
