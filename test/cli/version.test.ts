import { describe, expect, test } from 'vitest';
import {
  changesSince,
  compare,
  ownVersion,
  readChangelog,
  releasesIn,
  versionLine,
} from '../../cli/version.ts';

const changelog = `# Changelog

## 1.10.0 (Unreleased)

- ten

## 1.9.1 (2026-02-01)

- nine

## Older notes

## 0.1.0

- first
`;

describe('the changelog', () => {
  test('is read by its versions', () => {
    expect(releasesIn(changelog)).toEqual([
      { version: '1.10.0', lines: ['', '- ten'] },
      { version: '1.9.1', lines: ['', '- nine'] },
      { version: '0.1.0', lines: ['', '- first'] },
    ]);
  });

  test.each([
    ['1.10.0', []],
    ['1.9.1', ['1.10.0']],
    ['0.1.0', ['1.10.0', '1.9.1']],
    [undefined, ['1.10.0', '1.9.1', '0.1.0']],
  ])('shows what changes since %s', (deployed, versions) => {
    expect(changesSince(deployed, releasesIn(changelog)).map(({ version }) => version)).toEqual(versions);
  });

  test('of this project begins with this version', () => {
    expect(readChangelog()[0]?.version).toBe(ownVersion());
  });
});

test.each([
  ['1.10.0', '1.9.9', 1],
  ['1.0.0', '1.0.0', 0],
  ['0.9.0', '1.0.0', -1],
])('%s and %s are compared by number', (a, b, sign) => {
  expect(Math.sign(compare(a, b))).toBe(sign);
});

test('status says which version runs, and what to do if it is another one', () => {
  expect(versionLine(ownVersion())).toBe(`Version ${ownVersion()}`);
  expect(versionLine('0.1.0')).toMatch(/^Version 0\.1\.0 is deployed, this is .*: collector upgrade-check$/);
  expect(versionLine(undefined)).toMatch(/^Version unknown is deployed/);
});
