/** A record is not formatted beyond this length: a megabyte of brackets would become a gigabyte of indentation. */
const longest = 8 * 2 ** 20;

/** Returns the end of the string that starts at `start`. */
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
 * Formats JSON with line breaks and indentation and keeps each number and string unchanged: JSON.parse would round ids.
 * Returns undefined if the text is not JSON or the result is too long.
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
