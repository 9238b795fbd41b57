import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Json } from '../../../functions/kit/json.ts';
import { at, code, isTrue, list, lookUp, present, text, unique } from '../../../functions/kit/json.ts';
import { strange } from '../../fixtures/given.ts';

const names = fc.oneof(
  fc.constantFrom('id', 'data', 'toString', '__proto__', 'constructor', 'length', '0'),
  fc.string({ maxLength: 3 }),
);

describe('looking into a record', () => {
  it('never throws, and finds only what the record itself has', () => {
    fc.assert(
      fc.property(strange, fc.array(names, { maxLength: 3 }), (record, path) => {
        const found = at(record, ...path);
        expect(typeof found).not.toBe('function');
        const words = text(record, ...path);
        expect(words).toBe(typeof found === 'string' && /\S/.test(found) ? found : undefined);
      }),
      { numRuns: 500 },
    );
  });

  it('finds any value that was put at a path', () => {
    fc.assert(
      fc.property(strange, fc.array(names, { minLength: 1, maxLength: 4 }), (value, path) => {
        const nested = path.reduceRight<Json>(
          (inner, name) => JSON.parse(`{${JSON.stringify(name)}:${JSON.stringify(inner)}}`),
          value,
        );
        expect(at(nested, ...path)).toEqual(JSON.parse(JSON.stringify(value)));
      }),
    );
  });

  const absent: [what: string, record: Json | undefined, path: string[]][] = [
    ['a step is missing', { a: 1 }, ['b', 'c']],
    ['a step is null', { a: null }, ['a', 'b']],
    ['a step is text', { a: 'text' }, ['a', 'length']],
    ['a step is a list', { a: [1] }, ['a', '0']],
    ['the record is null', null, ['a']],
    ['there is no record', undefined, ['a']],
    ['only the prototype has it', {}, ['toString']],
  ];
  it.each(absent)('finds nothing where %s', (_, record, path) => {
    expect(at(record, ...path)).toBeUndefined();
  });

  it.each([[''], [' \n'], ['None'], ['N/A'], [' n/a '], [0], [false], [null], [[]], [{}]])(
    'does not take %j for text',
    (value) => {
      expect(text({ a: value }, 'a')).toBeUndefined();
    },
  );
});

describe('reading codes, switches and lists', () => {
  it.each([
    [133, '133'],
    ['133', '133'],
    [-0, '0'],
    [1.5, undefined],
    [Number.POSITIVE_INFINITY, undefined],
    [2 ** 53, undefined],
    ['', undefined],
    [true, undefined],
    [null, undefined],
  ])('the code of %j is %j', (value, expected) => {
    expect(code({ value }, 'value')).toBe(expected);
  });

  it.each([true, 'True', 'true'])('%j is true', (value) => {
    expect(isTrue({ value }, 'value')).toBe(true);
  });

  it.each([false, 'False', 1, 'yes', '', null, [true], {}])('%j is not true', (value) => {
    expect(isTrue({ value }, 'value')).toBe(false);
  });

  it.each([null, 'text', 7, {}, { length: 1, 0: 'a' }])('%j is no list', (value) => {
    expect(list({ value }, 'value')).toEqual([]);
  });

  it('a list is as it is', () => {
    expect(list({ value: [1, ['a']] }, 'value')).toEqual([1, ['a']]);
  });

  it('texts are kept once, in order; what is no text, or nothing but space, is left out', () => {
    expect(unique(['b', 'a', '', ' ', 'None', null, 7, ['c'], undefined, 'b'])).toEqual(['b', 'a']);
    expect(unique(['', null])).toBeUndefined();
    expect(unique([])).toBeUndefined();
  });
});

describe('tables and objects', () => {
  it.each(['toString', '__proto__', 'constructor', ''])('looks up no %j that is not in the table', (key) => {
    expect(lookUp({ known: 1 }, key)).toBeUndefined();
  });

  it('looks up what is in the table', () => {
    expect(lookUp({ known: 1 }, 'known')).toBe(1);
  });

  it('leaves out undefined values and nothing else', () => {
    expect(Object.entries(present({ a: undefined, b: null, c: '', d: 0, e: false }))).toEqual([
      ['b', null],
      ['c', ''],
      ['d', 0],
      ['e', false],
    ]);
  });
});
