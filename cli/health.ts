import { forwarderHealth, type InstanceHealth, instanceHealth } from '../functions/health/instance-health.ts';
import { forwarderKey } from '../functions/health/status.ts';
import type { Light, Verdict } from '../functions/health/verdict.ts';
import { streams } from '../functions/streams/list.ts';
import { duration, left, plain, type Style, since, table } from './output.ts';
import { type InstanceRecord, readStatus } from './records.ts';
import type { Stack } from './stack.ts';
import { asTyped } from './typed.ts';

export const styles: Readonly<Record<Light, Style>> = {
  red: 'red',
  yellow: 'yellow',
  green: 'green',
  grey: 'dim',
};

/** Judges these instances, and on request the forwarder, if it has run. */
export async function readHealth(
  stack: Stack,
  records: readonly InstanceRecord[],
  withForwarder: boolean,
): Promise<InstanceHealth[]> {
  const keys = records.flatMap(({ instance }) =>
    stack.streams.map(({ name }) => ({ instance, stream: name })),
  );
  const known = await readStatus(stack, withForwarder ? [...keys, forwarderKey] : keys);
  const now = Date.now();
  const forwarder = known.get(`${forwarderKey.instance} ${forwarderKey.stream}`);
  return [
    ...records.map((record) =>
      instanceHealth(
        record,
        (stream) => known.get(`${record.instance} ${stream}`),
        streams,
        stack.rules,
        now,
      ),
    ),
    ...(forwarder === undefined ? [] : [forwarderHealth(forwarder.status, now)]),
  ];
}

export const head = ['LIGHT', 'STATE', 'SINCE', 'STREAM', 'POLLED', 'COUNT', 'LAG'];

export function cells(verdict: Verdict, now: number): string[] {
  const { light, word, stream, lastPollAt, lastCount, lagSeconds } = verdict;
  const lag = lagSeconds === undefined ? '-' : duration(lagSeconds * 1000, 1);
  return [
    light,
    word,
    since(verdict.since, now),
    stream,
    since(lastPollAt, now),
    String(lastCount ?? '-'),
    lag,
  ];
}

/** A row, followed by its problem and remedy. */
export function withError(row: string, verdict: Verdict | undefined, indent: string): string[] {
  const { error, remedy } = verdict ?? {};
  if (error === undefined) return [row];
  return [row, `${indent}${plain(error)}`, ...(remedy ? [`${indent}→ ${plain(asTyped(remedy))}`] : [])];
}

/** A row for each instance by its worst stream, and below it what is wrong and what to do. */
export function rowsOf(all: readonly InstanceHealth[], now: number): string[] {
  const [top = '', ...rows] = table(
    ['INSTANCE', ...head, 'TOKEN'],
    all.map(({ instance, worst, tokenExpiresAt }) => [
      instance,
      ...cells(worst, now),
      left(tokenExpiresAt, now),
    ]),
    (row) => styles[all[row]?.light ?? 'grey'],
  );
  return [top, ...rows.flatMap((row, i) => withError(row, all[i]?.worst, '    '))];
}
