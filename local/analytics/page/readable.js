/** Longer than this, a record is shown as it came only: a megabyte of brackets would become a gigabyte of indents. */
const longest = 8 * 2 ** 20;

/** Where the string that opens at `start` ends. */
function stringEnd(json, start) {
  let at = start + 1;
  while (json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at + 1;
}

function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const token = /[{}[\],:"]|[^\s{}[\],:"]+/y;
const space = /\s*/y;

/**
 * JSON with line breaks and indents, every number and string as it was written: parsing and printing would round ids.
 * Undefined where the text is no JSON, or would grow too long.
 */
export function readable(json) {
  if (!isJson(json)) return undefined;
  const pieces = [];
  let length = 0;
  let depth = 0;
  const write = (piece) => {
    pieces.push(piece);
    length += piece.length;
  };
  const newLine = () => write(`\n${'  '.repeat(depth)}`);
  const skipSpace = (at) => {
    space.lastIndex = at;
    space.test(json);
    return space.lastIndex;
  };
  for (let at = skipSpace(0); at < json.length && length <= longest; at = skipSpace(at)) {
    const first = json[at];
    if (first === '"') {
      const end = stringEnd(json, at);
      write(json.slice(at, end));
      at = end;
    } else if (first === '{' || first === '[') {
      write(first);
      at = skipSpace(at + 1);
      if (json[at] === '}' || json[at] === ']') {
        write(json[at]);
        at += 1;
      } else {
        depth += 1;
        newLine();
      }
    } else if (first === '}' || first === ']') {
      depth -= 1;
      newLine();
      write(first);
      at += 1;
    } else if (first === ',') {
      write(first);
      newLine();
      at += 1;
    } else if (first === ':') {
      write(': ');
      at += 1;
    } else {
      token.lastIndex = at;
      const [scalar] = token.exec(json);
      write(scalar);
      at += scalar.length;
    }
  }
  return length > longest ? undefined : pieces.join('');
}
