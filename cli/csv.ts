import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';

/** A cell that a spreadsheet runs as a formula, or one that already has an apostrophe added. */
const formula = /^'*[=+\-@\t\r\uFF0B\uFF0D\uFF1D\uFF20]/;

/** RFC 4180. An apostrophe before a formula makes spreadsheets show it as text. */
export function writeCsv(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((cell) => (formula.test(cell) ? `'${cell}` : cell)));
  return stringify(cells, { record_delimiter: '\r\n', quoted_match: /[\r\n]|^\s|\s$/ });
}

/** Returns the cells of each row that is not empty. Throws CsvError. */
export function readCsv(text: string): string[][] {
  const rows = parse(text, {
    bom: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    relax_column_count: true,
    skip_records_with_empty_values: true,
    trim: true,
  });
  return rows.map((row) =>
    row.map((cell) => (cell.startsWith("'") && formula.test(cell) ? cell.slice(1) : cell)),
  );
}
