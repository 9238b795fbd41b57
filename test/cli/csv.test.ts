import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readCsv, writeCsv } from '../../cli/csv.ts';

/** A first cell with something in it: a row with nothing in it is no row. */
const row = fc
  .tuple(fc.string({ minLength: 1 }), fc.array(fc.string({ unit: 'binary' }), { maxLength: 4 }))
  .filter(([first]) => !first.startsWith('\uFEFF'))
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

test('a quote that is not closed is an error', () => {
  expect(() => readCsv('a,"b')).toThrow(SyntaxError);
});
