export const byId = (id) => document.getElementById(id);

/** Creates an element. All text of records is added as text nodes, so it is never parsed as HTML. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

export function makeButton(label, attributes, onClick) {
  const button = make('button', { type: 'button', ...attributes }, ...[label].flat());
  button.addEventListener('click', onClick);
  return button;
}

/** Invisible and direction-changing characters, which can hide a file extension. Joiners are part of words. */
const unseen = /(?![\n\t\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\ufffe\uffff]/gu;
const mostMarks = 1000;

/** Returns the text with each invisible character replaced by its code point. */
export function visible(text) {
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

const format = new Intl.NumberFormat('en');
export const numbered = (number) => format.format(number);

/** Without the date's `T` and the fraction of the second. */
export const readableTime = (iso = '') => iso.replace('T', ' ').replace(/(\.\d+)?Z$/, '');

/** Reads JSON from the stand-in. Throws an Error with a message to show. */
export async function ask(path) {
  const answer = await fetch(path).catch(() => {
    throw new Error('The server does not respond. Check that npm start is still running.');
  });
  if (answer.status === 404)
    throw new Error('This artifact was dropped to make room for newer ones. Refresh the list.');
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.message);
  return body;
}
