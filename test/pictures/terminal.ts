/** A piece of output, and when it came, in milliseconds. */
export interface Chunk {
  readonly atMs: number;
  readonly text: string;
}

interface Line {
  readonly atMs: number;
  readonly spans: readonly { readonly text: string; readonly style: string }[];
}

const styles: Readonly<Record<string, string>> = { '31': 'r', '32': 'g', '33': 'y', '2': 'd', '1': 'b' };

const esc = '\u001b';
const overwrites = new RegExp(`(?:\\r|${esc}\\[1?G)(?:${esc}\\[0?K)?`);
const sequences = new RegExp(`(${esc}\\[[\\d;?]*[A-Za-z])`);
const colour = new RegExp(`^${esc}\\[([\\d;]*)m$`);

/** The lines of a terminal's output. Of a line that is overwritten, the last text counts. */
function linesOf(chunks: readonly Chunk[]): Line[] {
  const lines: Line[] = [];
  let current = '';
  for (const { atMs, text } of chunks) {
    for (const part of text.split(/(?<=\n)/)) {
      current += part;
      if (!part.endsWith('\n')) continue;
      const whole =
        current
          .replace(/\r?\n$/, '')
          .split(overwrites)
          .at(-1) ?? '';
      lines.push({ atMs, spans: spansOf(whole) });
      current = '';
    }
  }
  return lines;
}

function spansOf(line: string): Line['spans'] {
  let style = '';
  return line.split(sequences).flatMap((part) => {
    const [, code] = colour.exec(part) ?? [];
    if (code !== undefined) style = styles[code] ?? '';
    return part === '' || part.startsWith(esc) ? [] : [{ text: part, style }];
  });
}

/** Breaks lines at the width of the terminal. */
function folded({ atMs, spans }: Line, columns: number): Line[] {
  const characters = spans.flatMap(({ text, style }) => [...text].map((text) => ({ text, style })));
  const rows: Line[] = [];
  for (let from = 0; from === 0 || from < characters.length; from += columns)
    rows.push({ atMs, spans: joined(characters.slice(from, from + columns)) });
  return rows;
}

function joined(characters: Line['spans']): Line['spans'] {
  const spans: { text: string; style: string }[] = [];
  for (const one of characters) {
    const last = spans.at(-1);
    if (last?.style === one.style) last.text += one.text;
    else spans.push({ ...one });
  }
  return spans;
}

const [columns, rows, cell, height] = [80, 24, 7.22, 16];
const [longestMs, readingMs] = [1200, 3500];
const escaped = (text: string) => text.replace(/[&<>]/g, (character) => `&#${character.charCodeAt(0)};`);

/** An animated picture of what a terminal of 80×24 showed, a screen for each of these outputs, or more. */
export function svgOf(title: string, outputs: readonly (readonly Chunk[])[]): string {
  let [time, before] = [0, 0];
  const pages: { readonly rows: readonly Line[]; from: number; to: number }[] = [];
  for (const output of outputs) {
    const all = linesOf(output).flatMap((line) => folded(line, columns));
    while (all.at(-1)?.spans.length === 0) all.pop();
    for (let from = 0; from < all.length; from += rows) {
      const began = time;
      const shown = all.slice(from, from + rows).map((line) => {
        // A pause is shortened, not left out.
        time += Math.min(longestMs, Math.max(0, line.atMs - before));
        before = line.atMs;
        return { ...line, atMs: time };
      });
      time += readingMs;
      pages.push({ rows: shown, from: began, to: time });
    }
  }
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)}s`;
  const groups = pages.map(({ rows: lines, to }, i) => {
    const isLast = i === pages.length - 1;
    const texts = lines.map(({ atMs, spans }, row) => {
      const tspans = spans.map(({ text, style }) =>
        style === '' ? escaped(text) : `<tspan class="${style}">${escaped(text)}</tspan>`,
      );
      return `<text x="12" y="${42 + row * height}" style="animation-delay:${seconds(atMs)}">${tspans.join('')}</text>`;
    });
    return `<g${isLast ? '' : ` style="animation:h 0s ${seconds(to)} forwards"`}>${texts.join('')}</g>`;
  });
  const [width, tall] = [Math.round(columns * cell + 24), 42 + rows * height];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${tall}" width="${width}" height="${tall}" font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,monospace" font-size="12" role="img">
<title>${escaped(title)}</title>
<style>text{fill:#e6edf3;white-space:pre;opacity:0;animation:v 0s forwards}.r{fill:#ff7b72}.g{fill:#7ee787}.y{fill:#e3b341}.d{fill:#9198a1}.b{font-weight:bold}@keyframes v{to{opacity:1}}@keyframes h{to{opacity:0}}</style>
<rect width="${width}" height="${tall}" rx="8" fill="#0d1117"/><circle cx="18" cy="14" r="5" fill="#ff5f57"/><circle cx="36" cy="14" r="5" fill="#febc2e"/><circle cx="54" cy="14" r="5" fill="#28c840"/>
${groups.join('\n')}
</svg>
`;
}
