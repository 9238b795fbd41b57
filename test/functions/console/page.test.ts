import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Page, readPage } from '../../../functions/console/page.ts';
import { readRecords } from '../../../functions/console/record.ts';
import { parsedSpan } from '../../../functions/console/split.ts';
import { MalformedPageError, UnreadableAnswerError } from '../../../functions/errors.ts';
import { stream } from '../../fixtures/given.ts';

const read = (body: string, limit = 1000): Page => readPage(Buffer.from(body), limit);
const textsOf = ({ records }: Page) => records.map(({ bytes }) => bytes.toString());
const valuesOf = (page: Page) => textsOf(page).map((text) => JSON.parse(text));

// Texts of JSON, printed here token by token; what is under test never prints one.

const space = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  { weight: 1, arbitrary: fc.string({ unit: fc.constantFrom(' ', '\n', '\r', '\t'), maxLength: 3 }) },
);

const stringText = fc
  .array(
    fc.oneof(
      fc.constantFrom('{', '}', '[', ']', ',', ':', "'", '"data":[', 'data').map(quoted),
      fc.constantFrom('\\"', '\\\\', '\\/', '\\b', '\\n', '\\u0041', '\\u0022', '\\uD83D\\uDE00', '\\ud800'),
      fc.constantFrom('\uFFFE', '\uFFFF', '\u2028', '\u2029', '\u007F', '\uFEFF', '😀', 'é'),
      fc.string({ unit: 'binary', maxLength: 3 }).map(quoted),
    ),
    { maxLength: 4 },
  )
  .map((pieces) => `"${pieces.join('')}"`);

function quoted(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

const numberText = fc.oneof(
  fc.constantFrom('0', '-0', '1e400', '-1E+2', '0.50', '5e-7', '9007199254740993', '-123456789012345678'),
  fc.bigInt({ min: 10n ** 17n, max: 10n ** 19n }).map(String),
);

const nameText = fc.oneof(
  fc.constantFrom('"data"', '"d\\u0061ta"', '"pagination"', '"nextCursor"', '"errors"', '"__proto__"', '""'),
  stringText,
);

const valueText = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small', withCrossShrink: true },
    fc.constantFrom('null', 'true', 'false', '[]', '{}'),
    numberText,
    stringText,
    spaced(fc.array(tie('value'), { maxLength: 4 })).map((inside) => `[${inside}]`),
    spaced(fc.array(member(nameText, tie('value')), { maxLength: 4 })).map((inside) => `{${inside}}`),
  ),
})).value;

function spaced(texts: fc.Arbitrary<string[]>): fc.Arbitrary<string> {
  return fc
    .tuple(texts, space, space)
    .map(([all, before, after]) => `${before}${all.join(`${after},${before}`)}${after}`);
}

function member(name: fc.Arbitrary<string>, value: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.tuple(name, space, space, value).map(([n, before, after, v]) => `${n}${before}:${after}${v}`);
}

interface Printed {
  readonly body: string;
  readonly records: readonly string[];
  readonly next: string | undefined;
}

/** How the page token is written, and what it is. */
const paginations: [text: string, next: string | undefined][] = [
  ['null', undefined],
  ['{}', undefined],
  ['{"totalItems":0}', undefined],
  ['{"nextCursor":null,"totalItems":12}', undefined],
  ['{"nextCursor":""}', undefined],
  ['{"nextCursor":"null"}', undefined],
  ['{ "nextCursor" : "eyJpZCI6IDF9Cg=="}', 'eyJpZCI6IDF9Cg=='],
  ['{"nextCursor":"eyJpZCI6IDF9Cg%3D%3D"}', 'eyJpZCI6IDF9Cg=='],
  ['{"nextCursor":"first","next\\u0043ursor":"last"}', 'last'],
];

const others = fc
  .array(
    fc.oneof(
      member(
        fc.constantFrom('"Data"', '"data "', '"datum"', '"__proto__"', '""', '"\\u0064"', '"meta"'),
        valueText,
      ),
      fc.constantFrom('"errors":null', '"errors" : [ ]'),
    ),
    { maxLength: 2 },
  )
  .map((all) => all.filter((text, i) => all.indexOf(text) === i));

const pages: fc.Arbitrary<Printed> = fc
  .record({
    decoys: fc.array(member(fc.constantFrom('"data"', '"dat\\u0061"'), valueText), { maxLength: 1 }),
    before: others,
    name: fc.constantFrom('"data"', '"d\\u0061ta"', '"\\u0064\\u0061\\u0074\\u0061"'),
    records: fc.array(valueText, { maxLength: 6 }),
    gaps: fc.tuple(space, space, space, space),
    after: others,
    pagination: fc.option(fc.constantFrom(...paginations)),
    paginationFirst: fc.boolean(),
    mark: fc.constantFrom('', '', '', '\uFEFF'),
  })
  .map(({ decoys, before, name, records, gaps, after, pagination, paginationFirst, mark }) => {
    const [a, b, c, d] = gaps;
    const tokens = pagination === null ? [] : [`"pagination"${c}:${d}${pagination[0]}`];
    const members = [
      ...(paginationFirst ? tokens : []),
      ...decoys,
      ...before,
      `${name}${b}:${a}[${a}${records.join(`${b},${c}`)}${d}]`,
      ...after,
      ...(paginationFirst ? [] : tokens),
    ];
    const body = `${mark}${a}{${b}${members.join(`${c},${d}`)}${a}}${d}`;
    return { body, records, next: pagination?.[1] };
  });

describe('splitting a page', () => {
  it('gives the very texts of its records, and what JSON.parse makes of them', () => {
    fc.assert(
      fc.property(pages, ({ body, records, next }) => {
        const page = read(body);
        expect(textsOf(page)).toStrictEqual(records);
        const whole = JSON.parse(body.replace(/^\uFEFF/, ''));
        expect(valuesOf(page)).toStrictEqual(whole.data);
        expect(page.next).toBe(next);
      }),
      { numRuns: 1000 },
    );
  });

  it('reads a damaged page as JSON.parse does, or isolates what is malformed, or refuses it', () => {
    const structure = '{}[]",:\\';
    const damage = fc.record({
      where: fc.nat(),
      places: fc.constantFrom('}]', '{[', structure, undefined),
      how: fc.constantFrom('delete', 'insert', 'replace', 'cut'),
      char: fc.constantFrom(
        ...structure,
        ' ',
        '0',
        '-',
        'e',
        'n',
        'a',
        '\u0001',
        '\uFEFF',
        '\u00A0',
        '\uFFFF',
      ),
    });
    fc.assert(
      fc.property(pages, fc.array(damage, { minLength: 1, maxLength: 2 }), ({ body }, damages) => {
        let damaged = body;
        for (const { where, places, how, char } of damages) {
          const candidates = damaged.split('').flatMap((c, i) => (places?.includes(c) === false ? [] : [i]));
          const i = candidates[where % Math.max(1, candidates.length)] ?? 0;
          const rest = damaged.slice(how === 'insert' ? i : i + 1);
          damaged =
            damaged.slice(0, i) +
            (how === 'delete' || how === 'cut' ? '' : char) +
            (how === 'cut' ? '' : rest);
        }
        // Half of a surrogate pair can't be sent.
        damaged = damaged.toWellFormed();
        const expected = judged(damaged);
        const found = reading(damaged);
        if (expected !== 'unreadable' || found === 'unreadable' || found === 'malformed')
          expect(found === 'malformed' ? 'unreadable' : found, damaged).toStrictEqual(expected);
        else if (!/[[,]\s*,|,\s*\]/.test(damaged)) expect(found.values, damaged).toContain(malformed);
      }),
      { numRuns: 5000 },
    );
  });

  it('brings every record of a listing with malformed ones, in pages that are halved', () => {
    const name = fc.constantFrom('a', 'b', 'data', '},{');
    const object = fc.dictionary(name, fc.oneof(fc.nat(9), name, fc.array(fc.dictionary(name, fc.nat(9)))));
    const spoilt = fc.record({ value: object, where: fc.nat(), char: fc.constantFrom(...'{}[]",:\\x') });
    const listing = fc.array(fc.oneof({ weight: 2, arbitrary: object }, spoilt), {
      minLength: 1,
      maxLength: 9,
    });
    fc.assert(
      fc.property(listing, (given) => {
        const texts = given.map((one, i) => {
          const { value, where, char } = one as { value?: object; where: number; char: string };
          const text = JSON.stringify({ id: String(i), ...(typeof value === 'object' ? value : one) });
          const at = 1 + (where % (text.length - 2));
          return typeof value === 'object' && where !== undefined
            ? text.slice(0, at) + char + text.slice(at)
            : text;
        });
        expect(listed(texts)).toStrictEqual(texts);
      }),
      { numRuns: 500 },
    );
  });

  it('throws UnreadableAnswerError or MalformedPageError and nothing else, which never quote the answer', () => {
    const scrap = fc.oneof(
      fc.string({ unit: 'binary' }),
      pages.map(({ body }) => body),
      fc.constantFrom('<html>', '{"errors":[{}],"data":[', '{"data":[]}', '{"data":[{"id":]}'),
    );
    fc.assert(
      fc.property(
        scrap,
        fc.nat(),
        fc.constantFrom('hunter2', '"hunter2"', ' hunter2 '),
        (text, where, secret) => {
          const i = where % (text.length + 1);
          const problem = problemOf(text.slice(0, i) + secret + text.slice(i));
          expect(problem ?? '').not.toContain('hunter2');
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('takes a page of one string with a million escapes and a page nested 100,000 deep', () => {
    const long = `"${'\\\\\\"}]{['.repeat(100_000)}"`;
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    const texts = textsOf(read(`{"data":[${long},${deep}],"pagination":null}`));
    expect(texts.map(({ length }) => length)).toEqual([long.length, deep.length]);
    expect(texts[0] === long && texts[1] === deep).toBe(true);
  });

  const unreadable: [what: string, body: string][] = [
    ['nothing', ''],
    ['white space', ' \n'],
    ['HTML', '<html><body>429 Too Many Requests</body></html>'],
    ['a list', '[{"id":"1"}]'],
    ['null', 'null'],
    ['no data', '{"pagination":{"nextCursor":"x"}}'],
    ['data: null', '{"data":null}'],
    ['data: an object', '{"data":{"id":"1"}}'],
    ['data: text', '{"data":"[]"}'],
    ['a second data that is no list', '{"data":[],"data":{}}'],
    ['data deeper down only', '{"answer":{"data":[]}}'],
    ['errors beside the data', '{"data":[],"errors":[{"code":5000010}]}'],
    ['one error beside the data', '{"data":[],"errors":{"code":5000010}}'],
    ['the text of an error beside the data', '{"data":[],"errors":"Internal error"}'],
    ['a record cut off', '{"data":[{"id":"1"},{"id":'],
    ['a list closed as an object', '{"data":[1}}'],
    ['a list of one object closed as an object', '{"data":[{"id":"1"}},"pagination":null}'],
    ['two commas between members', '{"data":[],,"pagination":null}'],
    ['a comma missing', '{"data":[{"id":"1"} {"id":"2"}]}'],
    ['a member that ends in a comma', '{"data":[],}'],
    ['something after its end', '{"data":[]} {}'],
    ['two marks of byte order', '\uFEFF\uFEFF{"data":[]}'],
    ['a name that is no text', '{data:[]}'],
    ['more records than requested', `{"data":[${Array(1001).fill('{}')}],"pagination":null}`],
    ['an envelope of more than 64 KiB', `{"data":[],"more":"${'x'.repeat(65_536)}"}`],
    ['an earlier list of more than 64 KiB', `{"data":["${'x'.repeat(65_536)}"],"data":[]}`],
    ['a name of more than 64 KiB', `{"${'x'.repeat(65_537)}":1,"data":[]}`],
    ['a page token of more than 4 KiB', `{"data":[],"pagination":{"nextCursor":"${'x'.repeat(4097)}"}}`],
    ['a malformed record without pagination', '{"data":[{"a":1]}'],
  ];
  it.each(unreadable)('does not take %s for a page', (_, body) => {
    expect(() => read(body)).toThrow(UnreadableAnswerError);
  });
});

describe('the page token', () => {
  const page = (pagination: string) => `{"data":[],"pagination":${pagination}}`;
  const tokenTexts: [written: string, next: string | undefined][] = [
    ...paginations,
    ['{"nextCursor":"  "}', undefined],
    ['{"nextCursor":" abc= "}', 'abc='],
    ['{"nextCursor":"abc%2Bdef%3D"}', 'abc+def='],
    ['{"nextCursor":"abc+def/="}', 'abc+def/='],
    ['{"nextCursor":"abc%253D"}', 'abc%3D'],
    ['{"nextCursor":"100%"}', '100%'],
    ['{"nextCursor":"%E0%A4%A"}', '%E0%A4%A'],
    ['{"nextCursor":"ab\\u0063"}', 'abc'],
  ];
  it.each(tokenTexts)('of %s is %j', (written, next) => {
    expect(read(page(written)).next).toBe(next);
  });

  it('is absent where pagination is', () => {
    expect(read('{"data":[]}').next).toBeUndefined();
  });

  it('is not looked for beside pagination', () => {
    expect(read('{"data":[],"nextCursor":"x","cursor":"y"}').next).toBeUndefined();
  });

  it.each(['7', '0', 'false', 'true', '{}', '[]', '["x"]'])(
    'can not be %s: a page would never be asked for',
    (value) => {
      expect(() => read(page(`{"nextCursor":${value}}`))).toThrow(UnreadableAnswerError);
    },
  );

  it.each(['"x"', '7', '[]', '[{"nextCursor":"x"}]', 'false'])(
    'can not be looked for in a pagination that is %s: the page would pass for the last',
    (value) => {
      expect(() => read(page(value))).toThrow(UnreadableAnswerError);
    },
  );
});

/** All records of a console that shows these texts, where a page that can't be read is halved. */
function listed(texts: readonly string[]): string[] {
  const found: string[] = [];
  for (let next: string | undefined = '0', limit = 8; next !== undefined; ) {
    const from = Number(next);
    const end = from + limit;
    const nextCursor = end < texts.length ? String(end) : null;
    const body = `{"data":[${texts.slice(from, end)}],"pagination":${JSON.stringify({ nextCursor })},"errors":[]}`;
    try {
      const page = readRecords(Buffer.from(body), limit, stream, 'the response');
      found.push(...page.records.map(({ raw }) => raw.toString()));
      next = page.next;
      limit = 8;
    } catch (error) {
      if (!(error instanceof MalformedPageError) || limit === 1) throw error;
      limit /= 2;
    }
  }
  return found;
}

interface Judged {
  readonly values: unknown;
  readonly next: string | undefined;
}

const malformed = Symbol('malformed');

function reading(body: string): Judged | 'unreadable' | 'malformed' {
  let page: Page;
  try {
    page = read(body);
  } catch (error) {
    if (error instanceof MalformedPageError) return 'malformed';
    expect(error).toBeInstanceOf(UnreadableAnswerError);
    return 'unreadable';
  }
  const values = page.records.map((span) => {
    const parsed = parsedSpan(span);
    return parsed === undefined ? malformed : parsed.value;
  });
  return { values, next: page.next };
}

function problemOf(body: string): string | undefined {
  try {
    read(body);
    return undefined;
  } catch (error) {
    if (!(error instanceof MalformedPageError)) expect(error).toBeInstanceOf(UnreadableAnswerError);
    return (error as Error).message;
  }
}

/** What JSON.parse makes of the whole body, and the rules for a page. */
function judged(body: string): Judged | 'unreadable' {
  let whole: unknown;
  try {
    whole = JSON.parse(body.replace(/^\uFEFF/, ''));
  } catch {
    return 'unreadable';
  }
  const values = own(whole, 'data');
  const errors = own(whole, 'errors') ?? [];
  const pagination = own(whole, 'pagination') ?? undefined;
  const next = own(pagination, 'nextCursor') ?? undefined;
  if (!Array.isArray(values) || !Array.isArray(errors) || errors.length > 0) return 'unreadable';
  if (Array.isArray(pagination) || !['undefined', 'object'].includes(typeof pagination)) return 'unreadable';
  if (next !== undefined && typeof next !== 'string') return 'unreadable';
  return { values, next: plainToken(next) };
}

function own(object: unknown, name: string): unknown {
  if (typeof object !== 'object' || object === null || Array.isArray(object)) return undefined;
  return Object.getOwnPropertyDescriptor(object, name)?.value;
}

function plainToken(written: string | undefined): string | undefined {
  let token = written?.trim() ?? '';
  try {
    token = decodeURIComponent(token);
  } catch {}
  return ['', 'null'].includes(token) ? undefined : token;
}

describe('what is no page is named', () => {
  it.each([
    ['\r\n\t <!DOCTYPE html><title>Sign in</title>', 'it is HTML or XML'],
    ['["data"]', 'it is not a JSON object'],
    ['"data":[]', 'it is not a JSON object'],
  ])('%j', (body, problem) => {
    expect(() => read(body)).toThrow(`not a page: ${problem}`);
  });
});
