import { expect, test } from 'vitest';
import { forwarderHealth } from '../../../functions/health/instance-health.ts';
import type { Frame } from '../../../functions/tiles/frame.ts';
import { openTile } from '../../../functions/tiles/tile.ts';
import { all, healthOfKnown, healthy, known, now } from '../../fixtures/fleet.ts';

const frame = { runbook: '/operations', artifacts: (instance) => `/?instance=${instance}` } as Frame;

test('a tile says up to when its records are complete, by the stream that is the furthest behind', () => {
  const complete = (completeUntil: `${string}Z`) => ({
    ...healthy(),
    completeUntil,
    checkedUntil: completeUntil,
  });
  const streams = {
    threats: complete('2026-11-21T11:00:00.000000Z'),
    activities: complete('2026-11-21T10:00:00.000000Z'),
  };
  const tile = (status: Parameters<typeof all>[1]) =>
    openTile(healthOfKnown(known('acme', all(healthy(), status))), now, frame).text;
  expect(tile(streams)).toContain('Complete up to 2026-11-21 10:00 UTC');
  expect(tile({})).not.toContain('Complete');
});

test('the tile of the forwarder links to its part of the runbook, and to no console', () => {
  const failing = {
    ...healthy(),
    state: 'unauthorized',
    lastError: 'wrong password',
    remedy: 'Correct it.',
  } as const;
  const { text } = openTile(forwarderHealth(failing, now), now, frame);
  expect(text).toContain('Forwarder to Analytics');
  expect([...text.matchAll(/href="([^"]*)"/g)].map(([, href]) => href)).toEqual([
    '/operations#the-forwarder',
  ]);
});

test('the console is linked by its name alone, and not where the record breaks a rule', () => {
  const links = (host: unknown) => [
    ...openTile(healthOfKnown(known('acme', all(healthy()), { host })), now, frame).text.matchAll(
      /href="(https[^"]*)"/g,
    ),
  ];
  expect(links('https://usea1-acme.sentinelone.net/').map(([, href]) => href)).toEqual([
    'https://usea1-acme.sentinelone.net/',
  ]);
  for (const host of ['evil.example', 'usea1-acme.sentinelone.net@evil.example', 'javascript:alert(1)', 7])
    expect(links(host)).toEqual([]);
});
