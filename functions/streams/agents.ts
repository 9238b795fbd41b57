import type { Json } from '../kit/json.ts';
import { at, code, isTrue, list, text, unique } from '../kit/json.ts';
import { addressesOf, ipAddress } from './addresses.ts';
import { driftFinder } from './drift.ts';
import { cloudInstanceId, name, severity, span, time } from './fields.ts';
import type { Fields, RestStream } from './stream.ts';

/** The words for the flags of an agent. */
const states: readonly (readonly [key: string, state: string])[] = [
  ['isActive', 'active'],
  ['infected', 'infected'],
  ['isDecommissioned', 'decommissioned'],
  ['isUninstalled', 'uninstalled'],
];

function metadata(record: Json): Fields {
  const named = (key: string) => name(record, key);
  const lastActive = time(record, 'lastActiveDate');
  const user = named('lastLoggedInUserName');
  return {
    streamName: 'sentinelone',
    messageType: 'asset_inventory',
    ...span(time(record, 'updatedAt'), lastActive),
    lastActiveTimeUTC: lastActive,
    ...severity(isTrue(record, 'infected') ? 'high' : 'informational'),
    clientHostname: named('computerName'),
    ...addressesOf(list(record, 'networkInterfaces'), at(record, 'lastIpToMgmt')),
    externalIP: ipAddress(record, 'externalIp'),
    userName: user,
    loggedInUser: user,
    domain: named('domain'),
    osName: named('osName'),
    agentVersion: named('agentVersion'),
    agentId: code(record, 'id'),
    agentUuid: named('uuid'),
    cloudInstanceId: cloudInstanceId(at(record, 'cloudProviders')),
    message: sentence(record, user),
    siteName: named('siteName'),
    accountName: named('accountName'),
    groupName: named('groupName'),
    tags: unique([
      ...['siteName', 'groupName', 'machineType', 'osType', 'osName'].map(named),
      ...list(record, 'tags', 'sentinelone').map(tagOf),
    ]),
  };
}

/** `owner:network team` */
function tagOf(tag: Json): string | undefined {
  const key = text(tag, 'key');
  const value = text(tag, 'value');
  return key && (value === undefined ? key : `${key}:${value}`);
}

/** `WS-0042 (laptop, Windows 11) is in the inventory, last user ann: active, infected.` */
function sentence(record: Json, user: string | undefined): string {
  const kind = unique(['machineType', 'osName'].map((key) => name(record, key)))?.join(', ');
  const state = states.filter(([key]) => isTrue(record, key)).map(([, word]) => word);
  return [
    name(record, 'computerName') ?? 'An endpoint',
    kind && ` (${kind})`,
    ' is in the inventory',
    user && `, last user ${user}`,
    state.length > 0 ? `: ${state.join(', ')}` : '',
    '.',
  ].join('');
}

export const agents: RestStream = {
  name: 'agents',
  byDefault: true,
  path: '/agents',
  cadenceMinutes: 60,
  timeoutSeconds: 840,
  requestsPerSecond: 4,
  quietHours: 96,
  pageSize: 1000,
  timeDigits: 6,
  orderedBy: 'updatedAt',
  time: ['updatedAt'],
  id: ['id'],
  query: { isDecommissioned: 'True,False', isUninstalled: 'True,False' },
  wholeInventory: true,
  permission: 'Endpoints.view',
  metadata,
  drift: driftFinder({}, { computerName: 'text', networkInterfaces: 'list', tags: 'object' }),
};
