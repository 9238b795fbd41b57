import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Selection, selected } from '../../../local/console/graphql/selected.ts';
import { strange } from '../../fixtures/given.ts';

const of = (fields: Record<string, Selection | undefined>): Selection => new Map(Object.entries(fields));

/** What JSON.parse says of a value without the members that were not requested. */
function projected(value: unknown, selection: Selection | undefined): unknown {
  if (selection === undefined || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((one) => projected(one, selection));
  const kept = Object.entries(value).filter(([name]) => selection.has(name));
  return Object.fromEntries(kept.map(([name, one]) => [name, projected(one, selection.get(name))]));
}

describe('a node with the requested fields only', () => {
  it('keeps the bytes of what remains', () => {
    const text =
      '{ "id" : "a",\t"no":{"x":[1,2]},"n":1.50e+2 , "o": {"in":"\\u00e4\\/]}","out":[{}]}, "l":[ {"in":1,"out":2} ,{} ]}';
    const inside = of({ in: undefined });
    expect(selected(text, of({ id: undefined, n: undefined, o: inside, l: inside }))).toBe(
      '{ "id" : "a","n":1.50e+2 , "o": {"in":"\\u00e4\\/]}"}, "l":[ {"in":1} ,{} ]}',
    );
  });

  it.each([undefined, 1, '\t'])('is what a projection of its value is, indented by %j', (indent) => {
    const names = fc.constantFrom('id', 'data', 'a', '', '__proto__', 'toString', 'updatedAt');
    const selections = fc.letrec<{ one: Selection | undefined }>((tie) => ({
      one: fc.option(
        fc.array(fc.tuple(names, tie('one')), { maxLength: 4 }).map((all): Selection => new Map(all)),
        { nil: undefined, maxDepth: 3 },
      ),
    })).one;
    fc.assert(
      fc.property(fc.dictionary(names, strange, { noNullPrototype: true }), selections, (value, some) => {
        const text = JSON.stringify(value, null, indent);
        const selection = some ?? new Map(Object.keys(JSON.parse(text)).map((name) => [name, undefined]));
        const shown = selected(text, selection);
        expect(JSON.parse(shown)).toEqual(projected(JSON.parse(text), selection));
        if (some === undefined) expect(shown).toBe(text);
      }),
      { numRuns: 500 },
    );
  });
});
