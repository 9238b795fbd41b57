import type { Json } from '../kit/json.ts';
import { isTrue, list, present, text, unique } from '../kit/json.ts';
import { addresses, severity, time } from './fields.ts';
import type { Metadata, Stream } from './stream.ts';

/** What is said of an agent whose record says so. */
const states: readonly (readonly [key: string, state: string])[] = [
  ['isActive', 'active'],
  ['infected', 'infected'],
  ['isDecommissioned', 'decommissioned'],
  ['isUninstalled', 'uninstalled'],
];

function metadata(record: Json): Metadata {
  const named = (key: string) => text(record, key);
  return present({
    streamName: 'sentinelone',
    messageType: 'asset_inventory',
    startTimeUTC: time(record, 'updatedAt'),
    endTimeUTC: time(record, 'lastActiveDate'),
    ...severity(isTrue(record, 'infected') ? 'high' : 'informational'),
    clientHostname: named('computerName'),
    ...addresses(list(record, 'networkInterfaces')),
    userName: named('lastLoggedInUserName'),
    message: sentence(record),
    siteName: named('siteName'),
    accountName: named('accountName'),
    groupName: named('groupName'),
    tags: unique(['siteName', 'groupName', 'machineType', 'osType', 'osName'].map(named)),
  });
}

/** `WS-0042 (laptop, Windows 11) is in the inventory, last user ann: active, infected.` */
function sentence(record: Json): string {
  const kind = unique(['machineType', 'osName'].map((key) => text(record, key)))?.join(', ');
  const user = text(record, 'lastLoggedInUserName');
  const state = states.filter(([key]) => isTrue(record, key)).map(([, word]) => word);
  return [
    text(record, 'computerName') ?? 'An endpoint',
    kind && ` (${kind})`,
    ' is in the inventory',
    user && `, last user ${user}`,
    state.length > 0 ? `: ${state.join(', ')}` : '',
    '.',
  ].join('');
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
