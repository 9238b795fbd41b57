import { at, code, type Json, lookUp, present, text, unique } from '../kit/json.ts';
import { addressesIn, ipAddress, listed } from './addresses.ts';
import { driftFinder } from './drift.ts';
import {
  hashes,
  name,
  portNumber,
  processId,
  type Severity,
  severity,
  span,
  techniques,
  time,
} from './fields.ts';
import type { Metadata, RestStream } from './stream.ts';

/** By `ruleInfo.severity`. */
const severities: Readonly<Record<string, Severity>> = {
  critical: 'critical',
  high: 'high',
  medium: 'medium',
  low: 'low',
  info: 'informational',
};

const inbound = /^in/i;

function metadata(record: Json): Metadata {
  const alert = at(record, 'alertInfo');
  const rule = at(record, 'ruleInfo');
  const process = at(record, 'sourceProcessInfo');
  const then = at(record, 'agentDetectionInfo');
  const now = at(record, 'agentRealtimeInfo');
  const ofAgent = (key: string) => name(then, key) ?? name(now, key);
  const cameIn = inbound.test(text(alert, 'netEventDirection') ?? '');
  const own = {
    streamName: 'sentinelone',
    messageType: 'ids_event',
    ...span(time(alert, 'createdAt'), time(alert, 'updatedAt')),
    ...severity(lookUp(severities, text(rule, 'severity')?.toLowerCase() ?? '') ?? 'medium'),
    clientHostname: ofAgent('name'),
    ...addressesIn(listed(alert, 'srcMachineIp'), []),
    // The remote end of the connection in the alert, independent of who opened it.
    serverIP: ipAddress(alert, cameIn ? 'srcIp' : 'dstIp'),
    serverPort: portNumber(alert, cameIn ? 'srcPort' : 'dstPort'),
    fqdn: text(alert, 'dnsRequest'),
    userName: name(process, 'user') ?? name(alert, 'loginsUserName'),
    fileName: text(process, 'name'),
    filePath: text(process, 'filePath'),
    ...hashes(['fileHashSha256', 'fileHashSha1', 'fileHashMd5'].map((key) => at(process, key))),
    program: text(process, 'name'),
    pid: processId(process, 'pid'),
    commandLine: text(process, 'commandline'),
    osName: ofAgent('osName'),
    agentVersion: ofAgent('version'),
    agentUuid: ofAgent('uuid'),
    storyline: text(process, 'storyline'),
    alertId: code(alert, 'alertId'),
    containerName: text(record, 'containerInfo', 'name'),
    containerImage: text(record, 'containerInfo', 'image'),
    ruleName: text(rule, 'name'),
    ruleCategory: name(alert, 'indicatorCategory') ?? text(alert, 'eventType'),
    analystVerdict: text(alert, 'analystVerdict'),
    siteName: ofAgent('siteName'),
    accountName: ofAgent('accountName'),
    groupName: ofAgent('groupName'),
  };
  return present({
    ...own,
    message: sentence(own),
    attackTechniqueIds: unique(
      [text(rule, 'description'), text(alert, 'indicatorDescription')].flatMap((said = '') =>
        techniques(said),
      ),
    ),
    tags: unique([
      ...['analystVerdict', 'incidentStatus', 'hitType', 'source'].map((key) => text(alert, key)),
      text(rule, 'treatAsThreat'),
    ]),
  });
}

/** `Rule PowerShell download: powershell.exe on WS-0042, user CORP\ann.` */
function sentence(own: {
  readonly ruleName: string | undefined;
  readonly program: string | undefined;
  readonly clientHostname: string | undefined;
  readonly userName: string | undefined;
}): string {
  const { ruleName, program, clientHostname, userName } = own;
  const where = [program, clientHostname && `on ${clientHostname}`].filter(Boolean).join(' ');
  return `${ruleName ? `Rule ${ruleName}` : 'A rule alert'}${where && `: ${where}`}${userName ? `, user ${userName}` : ''}.`;
}

/** Alerts of custom rules. The list can be filtered by creation only, so later verdicts are not collected. */
export const ruleAlerts: RestStream = {
  name: 'rule-alerts',
  byDefault: false,
  path: '/cloud-detection/alerts',
  cadenceMinutes: 5,
  timeoutSeconds: 270,
  requestsPerSecond: 0.6,
  pageSize: 1000,
  timeDigits: 6,
  orderedBy: 'createdAt',
  sortBy: 'alertInfoCreatedAt',
  time: ['alertInfo', 'createdAt'],
  id: ['alertInfo', 'alertId'],
  created: ['alertInfo', 'createdAt'],
  query: {},
  wholeInventory: false,
  permission: 'Custom Alerts.view',
  licence:
    'Custom rules (STAR) need a licence for the site or account of the token: ask SentinelOne for it, or leave rule-alerts out of streams.',
  metadata,
  drift: driftFinder(
    { 'ruleInfo.severity': Object.keys(severities) },
    { alertInfo: 'object', ruleInfo: 'object', sourceProcessInfo: 'object' },
  ),
};
