import { CsvError } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readCsv, writeCsv } from '../../cli/csv.ts';

/** A first cell with something in it: a row with nothing in it is no row. */
const row = fc
  .tuple(fc.string({ minLength: 1 }), fc.array(fc.string({ unit: 'binary' }), { maxLength: 4 }))
  .filter(([first]) => first.trim() !== '' && !first.startsWith('\uFEFF'))
  .map(([first, others]) => [first, ...others]);

test('what is written is read again, whatever stands in the cells', () => {
  fc.assert(
    fc.property(fc.array(row, { minLength: 1 }), (rows) => {
      expect(readCsv(writeCsv(rows))).toEqual(rows);
    }),
  );
});

test.each([
  [
    'a,b\nc,d',
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
  ],
  [
    ' a , b\n,\r\nc,d\r',
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
  ],
  [
    '\uFEFFa,b\r\n\r\nc,d\r\n',
    [
      ['a', 'b'],
      ['c', 'd'],
    ],
  ],
  ['a,,\r\n', [['a', '', '']]],
  ['"a,""b""\n",c', [['a,"b"\n', 'c']]],
  ['', []],
])('%j is read as spreadsheets write it', (text, rows) => {
  expect(readCsv(text)).toEqual(rows);
});

test.each(['a,"b', 'a"b"'])('%s is an error: its quotes do not match', (text) => {
  expect(() => readCsv(text)).toThrow(CsvError);
});

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1', "'=1", "''-1", '\uFF1D1'])(
  '%j is no formula to a spreadsheet, and is read as it was',
  (cell) => {
    const text = writeCsv([['name', cell]]);
    expect(text).toMatch(/^name,"?'/);
    expect(readCsv(text)).toEqual([['name', cell]]);
  },
);

test('what no spreadsheet runs is written as it is', () => {
  expect(writeCsv([["it's", "'", "'a", 'a=b', '1', '']])).toBe("it's,','a,a=b,1,\r\n");
});
