import { once } from 'node:events';
import { createServer } from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setImmediate } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  client,
  connectMs,
  dateMs,
  plainWords,
  retryAfterMs,
  streamOf,
} from '../../../functions/adapters/http.ts';

const server = createServer((_, response) => response.end('all'));
let url: string;

beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => server.close());

test('a request that fails once it is read to its end fails nothing else', async () => {
  const stream = streamOf(client, url, {});
  expect(String(await buffer(stream))).toBe('all');
  stream.destroy(new Error('aborted too late'));
  await setImmediate();
});

test('a request that fails before that is told to its reader', async () => {
  const stream = streamOf(client, url, {});
  stream.destroy(new Error('aborted in time'));
  await expect(buffer(stream)).rejects.toThrow('aborted in time');
});

test('a proxy has as long to connect as a host has', () => {
  expect(https.globalAgent.options.timeout).toBe(connectMs);
});

describe('Retry-After', () => {
  const date = 'Sun, 06 Nov 1994 08:49:30 GMT';
  test.each<[string | undefined, number | undefined]>([
    ['3', 3],
    ['899.997', 900],
    ['900.0', 900],
    ['900s', 900],
    ['900 seconds', 900],
    ['900, 900', 900],
    ['3, 900', 900],
    ['3.5', 4],
    ['.5', 1],
    [' "900" ', 900],
    ['0', 0],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 7],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 7],
    ['Sun Nov  6 08:49:37 1994', 7],
    ['1994-11-06T08:49:36.500Z', 7],
    ['Sun, 06 Nov 1994 08:49:23 GMT', 0],
    ['9'.repeat(10_000), 1e40],
    ['15m', 900],
    ['15 min', 900],
    ['1 hour', 3600],
    ['900500ms', 901],
    // A Unix time, in seconds and milliseconds.
    ['1700000900', 1_700_000_900 - Date.parse(date) / 1000],
    ['1700000900000', 1_700_000_900 - Date.parse(date) / 1000],
    ['"Sun, 06 Nov 1994 08:49:37 GMT"', 7],
    ['Sun, 06 Nov 1994 09:49:37 +0100', 7],
    ['Sun, 06 Nov 1994 03:49:37 EST', 7],
    ['Sun, 06 Nov 1994 08:49:37 XYZT', 7],
    ['1994-11-06T09:49:37+01:00', 7],
    ['1994-11-06 08:49:37', 7],
    ['-5', undefined],
    ['soon', undefined],
    ['3, soon', undefined],
    ['NaN', undefined],
    ['', undefined],
    ['a,'.repeat(5_000), undefined],
    [undefined, undefined],
  ])('%s', (value, seconds) => {
    const headers = { date, ...(value !== undefined && { 'retry-after': value }) };
    const waitMs = retryAfterMs(headers);
    if (seconds === undefined) expect(waitMs).toBeUndefined();
    else expect((waitMs ?? Number.NaN) / 1000 / (seconds || 1)).toBeCloseTo(seconds === 0 ? 0 : 1);
  });
});

test.each(['', '1', '900, 900', 'yesterday', 'Sun, 99 Foo', `${'- '.repeat(8_000)}`])(
  'a Date of "%s" is none',
  (date) => {
    expect(dateMs({ date })).toBeUndefined();
  },
);

test('the words of a page are without markup', () => {
  const page =
    '<!DOCTYPE html><html><head><title>403 Forbidden</title><style>p { color: red }</style></head><body><SCRIPT>steal()</SCRIPT><p class="x">Request blocked.</p></body></html>';
  expect(plainWords(page).trim().split(/\s+/)).toEqual(['403', 'Forbidden', 'Request', 'blocked.']);
  expect(plainWords('<script>never closed').trim()).toBe('');
  expect(plainWords('<script '.repeat(100_000)).trim()).toBe('');
});
