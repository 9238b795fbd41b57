/** What a benchmark found, as a part of docs/benchmarks.md. */
export interface Report {
  readonly title: string;
  readonly shown: readonly Shown[];
  /** Markdown: tables, and how they came to be. */
  readonly text: string;
}

/** One line of what has to be shown. */
export interface Shown {
  readonly what: string;
  readonly target: string;
  readonly measured: string;
  readonly met: boolean;
}

export function atMost(what: string, most: number, value: number, unit = '', digits = 2): Shown {
  return line(what, `≤ ${most}${unit}`, value, unit, digits, value <= most);
}

export function atLeast(what: string, least: number, value: number, unit = '', digits = 2): Shown {
  return line(what, `≥ ${least}${unit}`, value, unit, digits, value >= least);
}

function line(
  what: string,
  target: string,
  value: number,
  unit: string,
  digits: number,
  met: boolean,
): Shown {
  const measured = `${Number.isInteger(value) ? value : value.toFixed(digits)}${unit}`;
  return { what, target, measured, met };
}

export function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  return [
    line(head),
    `|${head.map((_, i) => (i === 0 ? '---|' : '---:|')).join('')}`,
    ...rows.map(line),
  ].join('\n');
}
