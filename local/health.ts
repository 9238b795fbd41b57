import { forwarderHealth, type InstanceHealth, instanceHealth } from '../functions/health/instance-health.ts';
import { readRules } from '../functions/health/rules.ts';
import { forwarderKey } from '../functions/health/status.ts';
import { streams } from '../functions/streams/list.ts';
import type { LocalCollector } from './collector.ts';

export type Watched = Pick<LocalCollector, 'instances' | 'status' | 'outputs'>;

/** Judges every instance, and the forwarder if it has run. */
export async function readHealth(
  { instances, status, outputs }: Watched,
  now: number,
): Promise<{ instances: InstanceHealth[]; forwarder: InstanceHealth | undefined }> {
  const [records, items] = await Promise.all([instances(), status()]);
  const rules = readRules(outputs.HealthRules ?? '');
  const known = new Map(
    items.map(({ instance, stream, firstSeenAt, ...one }) => [
      `${instance} ${stream}`,
      { firstSeenAt, status: one },
    ]),
  );
  const forwarder = known.get(`${forwarderKey.instance} ${forwarderKey.stream}`);
  return {
    instances: records.map((record) =>
      instanceHealth(record, (stream) => known.get(`${record.instance} ${stream}`), streams, rules, now),
    ),
    forwarder: forwarder && forwarderHealth(forwarder.status, now),
  };
}
