import type { Json } from '../kit/json.ts';
import { at, code, lookUp, present, text } from '../kit/json.ts';
import { ipAddress, severity, time } from './fields.ts';
import type { Metadata, Stream } from './stream.ts';

/** `activityType` to Analytics' message type; the vendor has over 700 types and adds more. */
const messageTypes: Readonly<Record<string, string>> = {
  23: 'config_change', // user added
  24: 'config_change', // user changed
  25: 'config_change', // user deleted
  133: 'auth_failure', // failed login
  134: 'auth_failure',
  3006: 'config_change', // blocklist
  3016: 'config_change', // exclusions
  3021: 'config_change',
  5020: 'config_change', // sites
  5021: 'config_change',
  5022: 'config_change',
  5040: 'config_change', // accounts
  5041: 'config_change',
  5042: 'config_change',
  5043: 'config_change',
  5044: 'config_change',
  5045: 'config_change',
};

function metadata(record: Json): Metadata {
  const data = at(record, 'data');
  const type = code(record, 'activityType');
  const messageType = lookUp(messageTypes, type ?? '') ?? 'endpoint_protection';
  const named = (key: string) => text(record, key) ?? text(data, key);
  return present({
    streamName: 'sentinelone_mgmt',
    messageType,
    startTimeUTC: time(record, 'createdAt'),
    ...severity(messageType === 'auth_failure' ? 'medium' : 'informational'),
    clientHostname: text(data, 'computerName'),
    clientIP: ipAddress(data, 'ipAddress'),
    userName: text(data, 'username'),
    fileName: text(data, 'fileDisplayName'),
    filePath: text(data, 'filePath'),
    fileHash: text(record, 'hash') ?? text(data, 'fileContentHash'),
    vendorCode: type,
    message: text(record, 'primaryDescription'),
    siteName: named('siteName'),
    accountName: named('accountName'),
    groupName: named('groupName'),
  });
}

export const activities: Stream = {
  name: 'activities',
  path: '/activities',
  cadenceMinutes: 10,
  timeoutSeconds: 540,
  requestsPerSecond: 6,
  orderedBy: 'createdAt',
  time: ['createdAt'],
  query: { includeHidden: 'false' },
  wholeInventory: false,
  permission: 'Activity Page.view',
  metadata,
};
