const refreshEveryMs = 15_000;
/** After the last keystroke in Find. */
const settleMs = 300;

const find = document.querySelector('[name=find]');
const form = find.form;

/** Loads a page as a document. Unlike a text that is parsed here, it needs no trust in what it holds. */
function load(address) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open('GET', address);
    request.responseType = 'document';
    request.onload = () => (request.status === 200 ? resolve(request.response) : reject(request.status));
    request.onerror = reject;
    request.send();
  });
}

const copied = async (button, text) => {
  await navigator.clipboard.writeText(text);
  button.textContent = 'Copied';
  setTimeout(() => {
    button.textContent = 'Copy';
  }, 1500);
};

function addCopyButtons() {
  for (const command of document.querySelectorAll('.s1-command')) {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 's1-copy';
    button.textContent = 'Copy';
    button.setAttribute('aria-label', `Copy ${command.textContent}`);
    button.addEventListener('click', () => copied(button, command.textContent));
    command.after(button);
  }
}

const focusable = () => [...document.querySelectorAll('.s1 :is(a, button, summary)')];
const opened = () => [...document.querySelectorAll('details')].map(({ open }) => open);

/** Replaces what is shown, but not the form, so that what is being typed stays. */
async function refresh() {
  const address = location.href;
  const next = await load(address).catch(() => undefined);
  // A selection is about to be copied.
  if (next === undefined || address !== location.href || !getSelection().isCollapsed) return;
  const before = opened();
  const focused = document.activeElement;
  const place = focusable().indexOf(focused);
  for (const part of ['.s1-summary', '.s1-body'])
    document.querySelector(part).replaceWith(document.adoptNode(next.querySelector(part)));
  const details = document.querySelectorAll('details');
  if (details.length === before.length) for (const [i, one] of details.entries()) one.open = before[i];
  addCopyButtons();
  const same = place < 0 ? undefined : focusable()[place];
  if (same?.textContent === focused.textContent) same.focus({ preventScroll: true });
}

function choose() {
  const choice = new URLSearchParams(new FormData(form));
  history.replaceState(null, '', `/tiles?${choice}`);
  return refresh();
}

let settling;
find.addEventListener('input', () => {
  clearTimeout(settling);
  settling = setTimeout(choose, settleMs);
});
form.addEventListener('change', choose);
form.addEventListener('submit', (event) => {
  event.preventDefault();
  clearTimeout(settling);
  choose();
});
addEventListener('keydown', (event) => {
  if (event.key !== '/' || ['INPUT', 'SELECT'].includes(event.target.tagName)) return;
  event.preventDefault();
  find.focus();
  find.select();
});
setInterval(() => document.hidden || refresh(), refreshEveryMs);
addCopyButtons();
