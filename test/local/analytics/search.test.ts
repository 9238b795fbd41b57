import { describe, expect, it } from 'vitest';
import { createArchive } from '../../../local/analytics/archive.ts';
import { readQuery } from '../../../local/analytics/query.ts';
import type { Filters } from '../../../local/analytics/search.ts';
import { artifact, at, noon } from './harness.ts';
import { manyArtifacts } from './many.ts';

const hash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const threat = artifact(
  'threat',
  {
    instance: 'acme',
    stream: 'threats',
    streamName: 'sentinelone',
    severityLabel: 'high',
    clientHostname: 'WS-0042',
    userName: 'ACME\\jane.doe',
    fileHash: hash,
    fileHashes: [hash, 'da39a3ee5e6b4b0d3255bfef95601890afd80709'],
    action: 'not_mitigated',
    commandLine: 'say "hello"',
    message: 'Malware invoice.exe was found on WS-0042',
    attackTechniqueIds: ['T1059', 'T1204'],
  },
  {
    raw: '{"big":12345678901234567890,"at":"https://evil.example/a","path":"C:/Windows"}',
    timestamp: at(-54),
  },
);
const other = artifact('other', { instance: 'acme-2', stream: 'activities', severityLabel: 'low' });

function archiveOf(...artifacts: Parameters<ReturnType<typeof createArchive>['take']>[0][]) {
  const archive = createArchive({ nowMs: () => noon, artifactsKept: 100_000, charactersKept: 2 ** 28 });
  for (const one of artifacts) archive.take(one);
  return archive;
}

describe('a search', () => {
  const archive = archiveOf(threat, other);
  const ids = (filters: Filters) => archive.search(filters).map(({ metadata }) => metadata.id);

  it.each<[right: Filters, wrong: Filters]>([
    [{ instance: 'ACME' }, { instance: 'acm' }],
    [{ stream: 'Threats' }, { stream: 'threat' }],
    [{ severity: 'HIGH' }, { severity: 'hi' }],
    [{ host: 'ws-00' }, { host: '0042' }],
    [{ user: 'acme\\JANE' }, { user: 'doe' }],
    [{ user: 'jane' }, { user: 'jane.doe2' }],
    [{ hash: hash.slice(0, 9).toUpperCase() }, { hash: hash.slice(1) }],
    [{ hash: 'DA39A3' }, { hash: 'a39a3' }],
    [{ outcome: 'not mitigated' }, { outcome: 'mitigated' }],
    [{ query: 'INVOICE.exe' }, { query: 'invoice.dll' }],
    [{ query: 'ws-0042 Malware' }, { query: 'ws-0042 Malvare' }],
    [{ query: '"was found on"' }, { query: '"found was on"' }],
    [{ query: 'host:ws-0042 user:jane' }, { query: 'host:ws-0042 user:john' }],
    [{ query: 'user:"acme\\jane.doe"' }, { query: 'user:"acme jane.doe"' }],
    [{ query: 'attackTechniqueIds:t1204' }, { query: 'attackTechniqueIds:1204' }],
    [{ query: 'instance:acme' }, { query: 'instance:acm' }],
    [{ query: '12345678901234567890' }, { query: '12345678901234567000' }],
    [{ query: 'https://evil.example/a' }, { query: 'https://evil.example/b' }],
    [{ query: 'C:/windows' }, { query: 'C:/winnt' }],
    [{ query: '"say ""hello"""' }, { query: '"say ""bye"""' }],
    [{ query: 'commandLine:"say ""hel"' }, { query: 'commandLine:hello' }],
  ])('finds with %j, not with %j', (right, wrong) => {
    expect(ids(right)).toEqual(['threat']);
    expect(ids(wrong)).toEqual([]);
  });

  it('takes no property of every object for a field', () => {
    expect(ids({ query: '__proto__:x' })).toEqual([]);
    expect(ids({ query: 'constructor:x' })).toEqual([]);
  });
});

describe('a query', () => {
  it.each<[string, object[]]>([
    ['', []],
    ['  two   words ', [{ value: 'two' }, { value: 'words' }]],
    ['host:a b', [{ field: 'host', value: 'a' }, { value: 'b' }]],
    ['host: b', [{ value: 'host:' }, { value: 'b' }]],
    ['"never closed', [{ value: 'never closed' }]],
    ['host:"a b"c', [{ field: 'host', value: 'a b' }, { value: 'c' }]],
    ['host:""', [{ field: 'host', value: '' }]],
    ['other:"a b"', [{ value: 'other:a b' }]],
  ])('%j is read as %j', (query, terms) => {
    expect(readQuery(query, (name) => name === 'host')).toEqual(terms);
  });
});

describe('the counts of a search', () => {
  const archive = archiveOf(...manyArtifacts(25_000, 500));

  it('add up, and those of a facet ignore its own filter', () => {
    const { found, counts } = archive.explore({});
    const sum = (facet: keyof typeof counts) => counts[facet].reduce((all, [, count]) => all + count, 0);
    expect([found.length, sum('severity'), sum('stream'), sum('instance')]).toEqual(Array(4).fill(25_000));
    expect(counts.instance).toHaveLength(500);
    expect(sum('outcome')).toBe(10_000);
    const filtered = archive.explore({ severity: 'high', stream: 'threats' });
    expect(filtered.counts.severity).toEqual(archive.explore({ stream: 'threats' }).counts.severity);
    expect(filtered.counts.stream).toEqual([['threats', filtered.found.length]]);
    for (const [instance, count] of filtered.counts.instance.slice(0, 5))
      expect(archive.search({ severity: 'high', stream: 'threats', instance })).toHaveLength(count);
  });

  it.each([{}, { from: (noon - 3_600_000) * 1000 }, { to: (noon - 3_600_000) * 1000 }, { host: 'WS-0001' }])(
    'over time with %j add up in at most 60 steps',
    (filters) => {
      const { found, timeline } = archive.explore(filters);
      expect(timeline?.counts.reduce((sum, count) => sum + count, 0)).toBe(found.length);
      expect(timeline?.counts.length).toBeLessThanOrEqual(60);
      expect(timeline?.counts.length).toBeGreaterThan(10);
    },
  );

  it('leave out times far ahead, which would leave one bar for all others, and values too long to list', () => {
    const odd = archiveOf(
      artifact('1', { instance: 'x'.repeat(500) }, { timestamp: '9999-12-31T00:00:00Z' }),
      artifact('2', { instance: '' }, { timestamp: at(-5) }),
    );
    const { found, counts, timeline } = odd.explore({});
    expect([found.length, counts.instance, timeline?.counts]).toEqual([2, [], [1]]);
    expect(odd.explore({ host: 'nobody' }).timeline).toBeUndefined();
  });

  it('say how many have arrived since', () => {
    const growing = archiveOf(threat);
    const since = growing.acceptedInAll();
    growing.take(other);
    growing.take({ ...other, metadata: { ...other.metadata, instance: 'acme' } });
    expect([growing.countSince(since, {}), growing.countSince(since, { instance: 'acme' })]).toEqual([2, 1]);
    expect(growing.search({ upTo: since }).map(({ metadata }) => metadata.id)).toEqual(['threat']);
  });
});
