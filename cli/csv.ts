import { parse } from 'csv-parse/sync';
import { stringify } from 'csv-stringify/sync';

/** What a spreadsheet runs instead of showing it, also behind apostrophes, so that each of them is read as written. */
const formula = /^'*[=+\-@\t\r\uFF0B\uFF0D\uFF1D\uFF20]/;

/** RFC 4180. An apostrophe before a formula makes spreadsheets show it as text. */
export function writeCsv(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((cell) => (formula.test(cell) ? `'${cell}` : cell)));
  return stringify(cells, { record_delimiter: '\r\n', quoted_match: /[\r\n]|^\s|\s$/ });
}

/** The cells of each row that has any, as writeCsv was given them; throws CsvError. */
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
