import type { Json } from '../kit/json.ts';
import { at, code, lookUp, present, text } from '../kit/json.ts';
import { activityType, type Kind } from './activity-families.ts';
import { addressesIn, ipAddress, listed } from './addresses.ts';
import { isKnownClassification, messageTypeOf } from './classification.ts';
import { driftFinder } from './drift.ts';
import { baseName, hashes, name, portNumber, processId, type Severity, severity, time } from './fields.ts';
import { ruleAlert, severityOfRule } from './rule-alert.ts';
import type { Fields, Metadata, NameOf, RestStream } from './stream.ts';

function metadata(record: Json, raw = '', nameOf: NameOf = () => undefined): Fields {
  const data = at(record, 'data');
  const type = code(record, 'activityType');
  const { kind, typeName, activityFamily } = activityType(Number(type));
  const activityTypeName = typeName ?? (type && nameOf(type));
  const named = (key: string) => name(record, key) ?? name(data, key);
  return {
    streamName: 'sentinelone_mgmt',
    messageType: messageTypes[kind](data),
    startTimeUTC: time(record, 'createdAt'),
    ...severity(severityOf(kind, type, data)),
    ...general(record, data),
    ...(kind === 'rule alert' ? ruleAlert(record, data, raw) : lookUp(details, type ?? '')?.(data)),
    vendorCode: type,
    activityTypeName,
    activityFamily,
    message:
      text(record, 'primaryDescription') ??
      text(record, 'secondaryDescription') ??
      activityTypeName ??
      activityFamily ??
      (type && `Activity of type ${type}`),
    siteName: named('siteName'),
    accountName: named('accountName'),
    groupName: named('groupName'),
  };
}

const messageTypes: Readonly<Record<Kind, (data: Json | undefined) => string>> = {
  config_change: () => 'config_change',
  auth_failure: () => 'auth_failure',
  'rule alert': () => 'threat_event',
  detection: (data) => {
    const type = messageTypeOf(text(data, 'threatClassification') ?? '');
    return type === 'ransomware_encryption' || type === 'malicious_software'
      ? 'malicious_software'
      : 'threat_event';
  },
  other: () => 'endpoint_protection',
};

/** Detections whose record does not say how certain they are. */
const suspicious = new Set(['4003', '4105', '4107', '4109', '4112', '4113']);

function severityOf(kind: Kind, type: string | undefined, data: Json | undefined): Severity {
  if (kind === 'auth_failure') return 'medium';
  if (kind === 'rule alert') return severityOfRule(data);
  if (kind !== 'detection') return 'informational';
  const confidence = text(data, 'confidenceLevel')?.toLowerCase();
  if (confidence === 'malicious') return 'high';
  if (confidence === 'suspicious' || suspicious.has(type ?? '')) return 'medium';
  return type === '22' ? 'low' : 'high';
}

/** The metadata that any activity may have. */
function general(record: Json, data: Json | undefined) {
  const byUser = name(data, 'byUser');
  const user = name(data, 'username') ?? name(data, 'userName');
  const loggedInUser = name(data, 'lastLoggedInUserName');
  const agentId = code(record, 'agentId');
  const excluded = text(data, 'exclusionType');
  return {
    clientHostname: name(data, 'computerName'),
    ...addressesIn(listed(data, 'ipAddress'), []),
    externalIP: ipAddress(data, 'externalIp') ?? ipAddress(data, 'externalip'),
    userName: byUser ?? user ?? loggedInUser,
    targetUserName: byUser && user,
    loggedInUser,
    fileName: text(data, 'fileDisplayName'),
    filePath: pathOf(data) ?? (excluded === 'path' ? text(data, 'value') : undefined),
    ...hashes([
      at(record, 'hash'),
      at(data, 'fileContentHash'),
      at(data, 'value'),
      at(record, 'secondaryDescription'),
    ]),
    commandLine: text(data, 'escapedMaliciousProcessArguments'),
    signer: excluded === 'certificate' ? text(data, 'value') : undefined,
    agentVersion: text(record, 'agentUpdatedVersion'),
    threatId: code(record, 'threatId'),
    agentId,
    agentUuid: agentId && text(data, 'uuid'),
    storyline: text(data, 'storyline'),
    analystVerdict: text(data, 'newAnalystVerdict'),
    ruleName: text(data, 'ruleName'),
    ruleCategory: text(data, 'threatClassification'),
  };
}

/** The file's path on the endpoint. For an upload, the record has the console's own path, for the download. */
function pathOf(data: Json | undefined): string | undefined {
  const path = text(data, 'filePath');
  return path !== undefined && path === text(data, 'downloadUrl') ? undefined : path;
}

const details: Readonly<
  Record<string, (data: Json | undefined) => Partial<ReturnType<typeof general>> & Metadata>
> = {
  5125: (data) => ({ ...device(data), action: 'block' }),
  5126: device,
  5232: firewall,
};

function device(data: Json | undefined) {
  const ids = [text(data, 'vendorId'), text(data, 'productId')];
  return present({
    deviceName: text(data, 'deviceName'),
    deviceId: ids.every((id) => id !== undefined) ? ids.join(':') : undefined,
    deviceSerial: text(data, 'uid'),
    deviceInterface: text(data, 'interface'),
    action: text(data, 'eventType'),
  });
}

function firewall(data: Json | undefined) {
  const local = ipAddress(data, 'reportedLocalHost');
  return present({
    ...(local !== undefined && addressesIn([local], [])),
    clientPort: portNumber(data, 'reportedLocalPort'),
    serverIP: ipAddress(data, 'reportedRemoteHost'),
    serverPort: portNumber(data, 'reportedRemotePort'),
    protocol: text(data, 'reportedProtocol'),
    program: baseName(text(data, 'processName') ?? text(data, 'application')),
    pid: processId(data, 'processId'),
    action: 'block',
  });
}

export const activities: RestStream = {
  name: 'activities',
  byDefault: true,
  path: '/activities',
  typesPath: '/activities/types',
  cadenceMinutes: 10,
  timeoutSeconds: 540,
  requestsPerSecond: 6,
  quietHours: 96,
  pageSize: 1000,
  timeDigits: 6,
  orderedBy: 'createdAt',
  time: ['createdAt'],
  id: ['id'],
  created: ['createdAt'],
  query: { includeHidden: 'false' },
  wholeInventory: false,
  permission: 'Activity Page.view',
  metadata,
  drift: driftFinder(
    {
      'data.confidenceLevel': ['malicious', 'suspicious'],
      'data.threatClassification': isKnownClassification,
    },
    { activityType: 'number', data: 'object', primaryDescription: 'text' },
  ),
};
