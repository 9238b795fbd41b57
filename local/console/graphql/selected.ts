/** The requested fields of an object, each with those of its value; undefined for a value without fields. */
export type Selection = ReadonlyMap<string, Selection | undefined>;

/**
 * Returns the text of a node without the members that were not requested. What remains keeps its own bytes: numbers,
 * escapes and white space.
 */
export function selected(text: string, selection: Selection): string {
  return valueAt(text, 0, selection).text;
}

interface Value {
  /** With the white space around it. */
  readonly text: string;
  /** The offset after it. */
  readonly end: number;
}

const space = /[ \t\r\n]*/y;
const scalar = /"(?:[^"\\]|\\.)*"|[^\s,[\]{}]+/sy;
const nameAndColon = /\s*("(?:[^"\\]|\\.)*")\s*:/sy;

function valueAt(text: string, start: number, selection: Selection | undefined): Value {
  const before = matched(space, text, start)[0];
  const { text: value, end } = bareAt(text, start + before.length, selection);
  const after = matched(space, text, end)[0];
  return { text: before + value + after, end: end + after.length };
}

function bareAt(text: string, start: number, selection: Selection | undefined): Value {
  const open = text[start];
  if (open !== '{' && open !== '[') {
    const [value] = matched(scalar, text, start);
    return { text: value, end: start + value.length };
  }
  const close = open === '{' ? '}' : ']';
  const [gap] = matched(space, text, start + 1);
  let end = start + 1 + gap.length;
  if (text[end] === close) return { text: `${open}${gap}${close}`, end: end + 1 };
  end = start;
  const kept: string[] = [];
  do {
    const [head, quoted] = open === '{' ? matched(nameAndColon, text, end + 1) : ['', undefined];
    const name = quoted === undefined ? undefined : JSON.parse(quoted);
    const value = valueAt(text, end + 1 + head.length, name === undefined ? selection : selection?.get(name));
    if (name === undefined || selection === undefined || selection.has(name)) kept.push(head + value.text);
    end = value.end;
  } while (text[end] === ',');
  return { text: `${open}${kept.join(',')}${close}`, end: end + 1 };
}

function matched(pattern: RegExp, text: string, at: number): [text: string, group: string | undefined] {
  pattern.lastIndex = at;
  const found = pattern.exec(text);
  if (found === null) throw new SyntaxError(`there is no JSON at ${at}`);
  return [found[0], found[1]];
}
