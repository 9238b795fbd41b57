import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MisconfiguredError } from '../../../functions/errors.ts';
import { boundHost, readToken, textOf, withToken } from '../../../functions/instances/token.ts';

const token = 'eyJhbGciOi.hunter2.Zm9v-_+/=';

function refusal(value: string | undefined): MisconfiguredError {
  try {
    readToken(value, 'the/secret');
  } catch (error) {
    if (error instanceof MisconfiguredError) return error;
    throw error;
  }
  throw new Error('taken');
}

describe('reading a token', () => {
  it('gives what a header can carry, or a MisconfiguredError that quotes nothing of the value', () => {
    const secret = fc.string({ unit: 'binary', maxLength: 20 });
    const value = fc.oneof(
      secret.map((text) => `hunter2${text}`),
      secret.map((text) => JSON.stringify({ apiKey: `hunter2${text}` })),
      secret.map((text) => `{"hunter2${text}`),
      secret.map((text) => JSON.stringify({ [`hunter2${text}`]: 'hunter2' })),
    );
    fc.assert(
      fc.property(value, (given) => {
        try {
          const read = readToken(given, 'the/secret');
          expect(read).toMatch(/^[\x21-\x7e]+$/);
          expect(() => new Headers({ authorization: `ApiToken ${read}` })).not.toThrow();
        } catch (error) {
          expect(error).toBeInstanceOf(MisconfiguredError);
          const { attribute, message, remedy, cause } = error as MisconfiguredError;
          expect(attribute).toBe('secretId');
          expect(`${message} ${remedy} ${String(cause)}`).not.toContain('hunter2');
        }
      }),
      { numRuns: 500 },
    );
  });

  const taken: [what: string, value: string][] = [
    ['the token itself', token],
    ['the token with a newline behind', `${token}\n`],
    ['the token between spaces', `  ${token}\r\n`],
    ['JSON', JSON.stringify({ apiKey: token })],
    ['printed JSON with more in it', `\n${JSON.stringify({ note: 'x', apiKey: token }, undefined, 2)}\n`],
    ['JSON whose apiKey has spaces around', JSON.stringify({ apiKey: ` ${token}\n` })],
    ['the token behind a BOM', `\uFEFF${token}\r\n`],
    ['JSON behind a BOM', `\uFEFF${JSON.stringify({ apiKey: token })}`],
    ['JSON whose apiKey is behind a BOM', JSON.stringify({ apiKey: `\uFEFF${token}` })],
    ['the token in quotes', `"${token}"\n`],
    ['the token in single quotes', `'${token}'`],
    ['the token in the quotes of a text processor', `“${token}”`],
    ['JSON in single quotes, as cmd.exe leaves them', `'${JSON.stringify({ apiKey: token })}'`],
    ['JSON as a JSON text', JSON.stringify(JSON.stringify({ apiKey: token }))],
    ['the scheme before the token', `ApiToken ${token}`],
    ['the whole header', `Authorization: apitoken  ${token}`],
    ['the token in backticks', `\`${token}\``],
    ['the token in German quotes', `„${token}“`],
    ['a line of a .env file', `SENTINELONE_API_TOKEN=${token}`],
    ['a line of a shell script', `export API_KEY="${token}"`],
    ['a line of YAML', `apiKey: '${token}'`],
    ['the token with a line feed that was not understood', `${token}\\n`],
    ['the scheme within quotes within JSON', JSON.stringify({ apiKey: `"ApiToken ${token}"` })],
  ];
  it.each(taken)('takes %s', (_, value) => {
    expect(readToken(value, 'the/secret')).toBe(token);
  });

  const refused: [what: string, value: string | undefined, problem: RegExp][] = [
    ['no secret', undefined, /does not exist or may not be read/],
    ['an empty value', '', /is empty/],
    ['white space', ' \n', /is empty/],
    ['JSON without apiKey', '{"token":"hunter2"}', /without apiKey/],
    ['an empty apiKey', '{"apiKey":""}', /apiKey/],
    ['an apiKey of spaces', '{"apiKey":"  "}', /apiKey/],
    ['an apiKey that is no text', '{"apiKey":7}', /apiKey/],
    ['an apiKey deeper down', '{"sentinelone":{"apiKey":"hunter2"}}', /apiKey/],
    ['JSON that is cut off', '{"apiKey":"hunter2', /is not valid JSON/],
    ['a list', '["hunter2"]', /apiKey/],
    ['the scheme alone', 'ApiToken ', /is empty/],
    ['another scheme', 'Bearer hunter2', /starts with "Bearer"/],
    ['a quotation mark that is not closed', '"hunter2', /quotation mark/],
    ['a space', 'hunter2 hunter2', /contains a space/],
    ['two lines', 'hunter2\nhunter2', /more than one line/],
    ['a header of its own', 'hunter2\r\nHost: evil', /more than one line/],
    ['letters of other scripts', 'hunter2é', /characters/],
    ['a control character', 'hunter2\u0000', /characters/],
  ];
  it.each(refused)('refuses %s', (_, value, problem) => {
    const { attribute, message, remedy } = refusal(value);
    expect(attribute).toBe('secretId');
    expect(message).toMatch(problem);
    expect(message).toContain('the/secret');
    expect(remedy).toContain('the/secret');
    expect(message + remedy).not.toContain('hunter2');
  });
});

it('quotes without end take no time', () => {
  for (const quote of ["'", '"', '“'])
    expect(() => readToken(quote.repeat(60_000), 'the/secret')).toThrow(MisconfiguredError);
});

it('of what may be a token in the wrong place, the first four characters are shown', () => {
  expect(() => readToken(undefined, 'eyJraWQiOiJ')).toThrow('the secret eyJr… does not exist');
});

describe('another token in a secret', () => {
  const host = 'a.example';

  it('is bound to its host, whatever the secret was', () => {
    for (const value of [
      undefined,
      '',
      'old',
      ' old\n',
      '\uFEFFold',
      '{"host":"b.example"}',
      '{"apiKey":"x"}',
    ]) {
      const after = withToken(value, token, host);
      expect(JSON.parse(after ?? '')).toEqual({ apiKey: token, host });
      expect(boundHost(after)).toBe(host);
    }
  });

  it.each(['{not JSON', '["old"]', '\uFEFF{"apiKey":"old"', '{"a":1}}'])(
    'does not replace JSON that cannot be read: %s',
    (value) => {
      expect(withToken(value, token, host)).toBeUndefined();
    },
  );

  it('leaves the other keys of JSON behind a BOM', () => {
    expect(withToken('\uFEFF{"apiKey":"old","owner":"security"}', token, host)).toBe(
      JSON.stringify({ apiKey: token, owner: 'security', host }),
    );
  });

  it('takes the place of the one that was there, whatever the form', () => {
    for (const value of ['{}', '{"apiKey":"old"}', '  {"apiKey": null, "note": "{"}'])
      expect(readToken(withToken(value, token, host), 'the/secret')).toBe(token);
  });

  it('leaves the other keys of a JSON object as they were, and nothing of the old token', () => {
    const value = fc.dictionary(fc.string(), fc.jsonValue()).filter((keys) => !('apiKey' in keys));
    fc.assert(
      fc.property(value, (keys) => {
        const after = withToken(JSON.stringify({ ...keys, apiKey: 'hunter2' }), token, host) ?? '';
        expect(JSON.parse(after)).toEqual({ ...JSON.parse(JSON.stringify(keys)), apiKey: token, host });
        expect(after).not.toContain('hunter2"');
      }),
    );
  });

  it('does not round a number', () => {
    expect(withToken('{"accountId": 225494730938493804, "apiKey": "old", "deep": [1.0]}', 'new', host)).toBe(
      '{"accountId":225494730938493804,"apiKey":"new","deep":[1.0],"host":"a.example"}',
    );
  });
});

it.each<[string, Uint8Array]>([
  ['UTF-8', Buffer.from(token)],
  ['UTF-8 behind a BOM', Buffer.from(`\uFEFF${token}`)],
  ['UTF-16, as PowerShell writes it', Buffer.from(`\uFEFF${token}`, 'utf16le')],
  ['UTF-16 without a BOM', Buffer.from(token, 'utf16le')],
  ['UTF-16 of the other byte order', Buffer.from(`\uFEFF${token}`, 'utf16le').swap16()],
  ['UTF-16 of the other byte order, without a BOM', Buffer.from(`{"apiKey":"${token}"}`, 'utf16le').swap16()],
])('a binary secret is read as %s', (_, bytes) => {
  expect(readToken(textOf(bytes), 'the/secret')).toBe(token);
});
