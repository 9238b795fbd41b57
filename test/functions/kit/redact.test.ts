import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { printable, redacted } from '../../../functions/kit/redact.ts';

const token = String.raw`first"of\all/the+tokens=%&?<good>`;
const base64 = (text: string) => Buffer.from(text).toString('base64');
const percent = (text: string) => [...text].map((c) => `%${c.charCodeAt(0).toString(16)}`).join('');

describe('what another system says', () => {
  it.each([
    ['as it is', token],
    ['in capitals', token.toUpperCase()],
    ['in a URL', encodeURIComponent(token)],
    ['in a URL in a URL', encodeURIComponent(encodeURIComponent(token))],
    ['with every character escaped', percent(token)],
    ['with every character escaped twice', percent(token).replaceAll('%', '%25')],
    ['in JSON', JSON.stringify(token)],
    ['in JSON in JSON', JSON.stringify(JSON.stringify(token))],
    ['in HTML', [...token].map((c) => `&#${c.charCodeAt(0)};`).join('')],
    ['in hexadecimal digits', Buffer.from(token).toString('hex')],
    ['in base64', base64(token)],
    ['in base64 for a URL', Buffer.from(token).toString('base64url')],
    ['in base64 that is escaped', encodeURIComponent(base64(token))],
    ['in base64 after one byte', base64(`a${token}!`)],
    ['in base64 after two', base64(`ab${token}!`)],
    ['in base64 of a header', base64(`ApiToken ${token}`)],
    ['in base64 of a part', base64(token.slice(5, 25))],
    ['in part', token.slice(6, 16)],
    ['with unseen characters between', [...token].join('\u200b')],
    ['with spaces between', [...token].join(' ')],
    ['in lines', [...token].join('\r\n')],
  ])('never shows the token %s', (_, written) => {
    // What is next to it stays, and so does what base64 writes for that.
    expect(redacted(`x://${written}/path`, token)).toMatch(/^x:\/\/\S{0,12}\[token\]\S{0,4}\/path$/);
    expect(redacted(`${'.'.repeat(280)}${written}`, token)).toMatch(/^\.{280}\S{0,12}\[token/);
  });

  it('never shows eight characters of any token in a row, wherever it is cut and whatever is before it', () => {
    const character = fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code));
    const someToken = fc.string({ unit: character, minLength: 16, maxLength: 120 });
    fc.assert(
      fc.property(someToken, fc.string({ maxLength: 400 }), fc.string(), (secret, before, after) => {
        const shown = redacted(before + secret + after, secret)
          .replaceAll('[token]', '\n')
          .toLowerCase();
        for (let i = 0; i + 8 <= secret.length; i++)
          if (shown.includes(secret.slice(i, i + 8).toLowerCase())) return false;
        return true;
      }),
    );
  });

  it('shows all else, and no secret is needed for that', () => {
    const words = '4030010 Insufficient permissions: 100% of “ÜBER” <users>';
    expect(redacted(words, token)).toBe(words);
    expect(redacted(words)).toBe(words);
    expect(redacted(words, '')).toBe(words);
    expect(redacted('', token)).toBe('');
  });

  it('hides each of several secrets, and one that is short', () => {
    expect(redacted('me@example.com and hunter2', 'me@example.com', 'hunter2')).toBe('[token] and [token]');
  });

  it('takes no longer for what is made to be long', () => {
    expect(redacted('%41'.repeat(1_000_000), 'A'.repeat(4_000))).toMatch(/^\[token\]%?$/);
  });
});

describe('a stranger’s text', () => {
  it('is one line, without what moves, turns or hides writing', () => {
    const odd =
      'no\u001b[2J\u009b31m\r\n{"level":"INFO"}\u2028\u202ereversed\u2066\u200d\u3164\u{e0041}\ud800 zalgo\u0301\u0301\u0301\u0301';
    expect(printable(odd)).toBe('no [2J 31m {"level":"INFO"} reversed zalgo\u0301\u0301');
  });

  it('is bounded, and no character is cut in two', () => {
    expect(printable('x'.repeat(300))).toBe('x'.repeat(300));
    expect(printable('x'.repeat(10_000_000))).toBe(`${'x'.repeat(299)}…`);
    expect(printable(`${'x'.repeat(298)}😀😀`)).toBe(`${'x'.repeat(298)}…`);
  });
});
