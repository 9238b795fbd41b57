import { describe, expect, it } from 'vitest';
import { sitesOf } from '../../cli/commands/discover.ts';
import type { PageRequest } from '../../functions/console/api.ts';

const host = 'usea1-acme.sentinelone.net';

/** A console that gives these bodies in turn, the last one for ever. */
function console(...bodies: readonly string[]) {
  const asked: (string | undefined)[] = [];
  const get = async ({ query }: PageRequest) => {
    asked.push(query.cursor);
    const body = Buffer.from(bodies[Math.min(asked.length, bodies.length) - 1] ?? '');
    return { body, tookMs: 1, dateMs: undefined };
  };
  return { asked, get };
}
const page = (ids: readonly string[], nextCursor?: unknown) =>
  JSON.stringify({
    data: { sites: ids.map((id) => ({ id, name: `Site ${id}` })) },
    pagination: { nextCursor },
  });
const idsFrom = async (given: ReturnType<typeof console>) =>
  (await sitesOf(given, host, 'token')).map(({ id }) => id);

describe('the sites of a token', () => {
  it.each([undefined, null, '', 'null'])('end with the page token %j', async (end) => {
    const given = console(page(['1', '2'], 'a%3D%3D'), page(['3'], end));
    expect(await idsFrom(given)).toEqual(['1', '2', '3']);
    expect(given.asked).toEqual([undefined, 'a==']);
  });

  it('are listed once, and only those whose id is one', async () => {
    expect(await idsFrom(console(page(['1', 'x', '2'], 'a'), page(['2', '1'])))).toEqual(['1', '2']);
  });

  it.each([
    ['HTML', '<html>Log in</html>', /usea1-acme.*not a page: it is HTML/],
    ['JSON of something else', '{"data":[]}', /it has no list of sites/],
    ['no JSON', 'ok', /it has no list of sites|it is not JSON/],
    ['a page token that is no text', page(['1'], 7), /nextCursor is not text/],
    ['pages without end', page(['1'], 'a'), /does not end after 100 pages/],
  ])('are not read from %s', async (_, body, message) => {
    await expect(sitesOf(console(body), host, 'token')).rejects.toMatchObject({
      name: 'CommandError',
      message: expect.stringMatching(message),
    });
  });
});
