import { at, present, text } from '../core/json.ts';
import type { Json, Metadata, Stream } from '../core/stream.ts';

function metadata(record: Json): Metadata {
  return present({
    streamName: 'sentinelone',
    messageType: 'asset_inventory',
    startTimeUTC: text(record, 'updatedAt'),
    clientHostname: text(record, 'computerName'),
    severityLabel: at(record, 'infected') === true ? 'high' : 'informational',
  });
}

export const agents: Stream = {
  name: 'agents',
  path: '/agents',
  cadenceMinutes: 60,
  timeoutSeconds: 840,
  requestsPerSecond: 4,
  orderedBy: 'updatedAt',
  time: ['updatedAt'],
  query: { isDecommissioned: 'True,False', isUninstalled: 'True,False' },
  wholeInventory: true,
  permission: 'Endpoints.view',
  metadata,
};
