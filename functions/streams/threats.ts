import type { Json } from '../kit/json.ts';
import { at, code, list, lookUp, text, unique } from '../kit/json.ts';
import { addressesThen, ipAddress, listed } from './addresses.ts';
import { isKnownClassification, messageTypeOf } from './classification.ts';
import { driftFinder } from './drift.ts';
import { cloudInstanceId, hashes, name, type Severity, severity, span, techniques, time } from './fields.ts';
import type { Fields, RestStream } from './stream.ts';

/** By `threatInfo.confidenceLevel`. */
const severities: Readonly<Record<string, Severity>> = { malicious: 'high', suspicious: 'medium' };

/** By `threatInfo.mitigationStatus`; any other status is the action itself. */
const actions: Readonly<Record<string, string>> = { mitigated: 'block', blocked: 'block' };

function metadata(record: Json): Fields {
  const info = at(record, 'threatInfo');
  const then = at(record, 'agentDetectionInfo');
  const now = at(record, 'agentRealtimeInfo');
  /** The agent's state when the threat was found, or else its current state. */
  const ofAgent = (key: string) => name(then, key) ?? name(now, key);
  const classification = text(info, 'classification');
  const confidence = text(info, 'confidenceLevel');
  const status = text(info, 'mitigationStatus');
  const verdict = text(info, 'analystVerdict');
  const loggedInUser =
    ofAgent('agentLastLoggedInUserName') ??
    name(then, 'agentLastLoggedInUpn') ??
    name(then, 'agentLastLoggedInUserMail');
  const own = {
    streamName: 'sentinelone',
    messageType: messageTypeOf(classification ?? ''),
    ...span(time(info, 'createdAt'), time(info, 'updatedAt')),
    ...severity(severityOf(confidence, verdict)),
    clientHostname: name(now, 'agentComputerName') ?? name(then, 'agentComputerName'),
    ...addressesThen(
      [...listed(then, 'agentIpV4'), ...listed(then, 'agentIpV6')],
      list(now, 'networkInterfaces'),
    ),
    externalIP: ipAddress(then, 'externalIp') ?? ipAddress(now, 'externalIp'),
    userName: name(info, 'processUser') ?? loggedInUser,
    loggedInUser,
    domain: ofAgent('agentDomain'),
    fileName: text(info, 'threatName'),
    filePath: text(info, 'filePath'),
    ...hashes([at(info, 'sha256'), at(info, 'sha1'), at(info, 'md5')]),
    program: text(info, 'originatorProcess'),
    commandLine: text(info, 'maliciousProcessArguments'),
    signer: text(info, 'publisherName') ?? text(info, 'certificateId'),
    action: lookUp(actions, status?.toLowerCase() ?? '') ?? status,
    ruleName: text(info, 'threatName'),
    ruleCategory: classification,
    analystVerdict: verdict,
    osName: ofAgent('agentOsName'),
    agentVersion: ofAgent('agentVersion'),
    threatId: code(info, 'threatId') ?? code(record, 'id'),
    agentId: code(now, 'agentId') ?? code(then, 'agentId'),
    agentUuid: ofAgent('agentUuid'),
    storyline: text(info, 'storyline'),
    containerName: text(record, 'containerInfo', 'name'),
    containerImage: text(record, 'containerInfo', 'image'),
    cloudInstanceId: cloudInstanceId(at(then, 'cloudProviders')),
    siteName: ofAgent('siteName'),
    accountName: ofAgent('accountName'),
    groupName: ofAgent('groupName'),
  };
  return {
    ...own,
    message: sentence(own, [classification, confidence], status),
    attackTechniqueIds: unique(techniquesOf(record)),
    tags: unique([
      // The vendor writes `undefined` for a threat that nobody has judged yet.
      ...['analystVerdict', 'incidentStatus', 'mitigationStatus'].map((key) => text(info, key)),
      ...list(info, 'engines'),
    ]),
  };
}

/** A threat that an analyst marked as a false positive needs no attention. */
function severityOf(confidence: string | undefined, verdict: string | undefined): Severity {
  if (verdict?.toLowerCase() === 'false_positive') return 'low';
  return lookUp(severities, confidence?.toLowerCase() ?? '') ?? 'low';
}

function techniquesOf(record: Json): string[] {
  const found: string[] = [];
  for (const indicator of list(record, 'indicators')) {
    for (const tactic of list(indicator, 'tactics')) {
      for (const technique of list(tactic, 'techniques')) {
        found.push(
          ...techniques(text(technique, 'name') ?? ''),
          ...techniques(text(technique, 'link') ?? ''),
        );
      }
    }
  }
  return found;
}

/** `invoice.exe (Trojan, malicious) was found on WS-0042, user CORP\ann: not mitigated.` */
function sentence(
  own: { fileName: string | undefined; clientHostname: string | undefined; userName: string | undefined },
  kinds: readonly (string | undefined)[],
  status: string | undefined,
): string {
  const kind = unique(kinds)?.join(', ');
  return [
    own.fileName ?? 'A threat',
    kind && ` (${kind})`,
    ' was found',
    own.clientHostname && ` on ${own.clientHostname}`,
    own.userName && `, user ${own.userName}`,
    status && `: ${status.replaceAll('_', ' ')}`,
    '.',
  ].join('');
}

export const threats: RestStream = {
  name: 'threats',
  byDefault: true,
  path: '/threats',
  cadenceMinutes: 5,
  timeoutSeconds: 270,
  requestsPerSecond: 6,
  pageSize: 1000,
  timeDigits: 6,
  orderedBy: 'updatedAt',
  time: ['threatInfo', 'updatedAt'],
  id: ['id'],
  created: ['threatInfo', 'createdAt'],
  query: {},
  wholeInventory: false,
  permission: 'Threats.view',
  metadata,
  drift: driftFinder(
    {
      'threatInfo.classification': isKnownClassification,
      'threatInfo.confidenceLevel': Object.keys(severities),
      'threatInfo.mitigationStatus': [
        ...Object.keys(actions),
        'not_mitigated',
        'marked_as_benign',
        'pending',
      ],
      'threatInfo.incidentStatus': ['unresolved', 'in_progress', 'resolved'],
      'threatInfo.analystVerdict': ['true_positive', 'suspicious', 'false_positive'],
    },
    {
      threatInfo: 'object',
      'threatInfo.engines': 'list',
      agentDetectionInfo: 'object',
      agentRealtimeInfo: 'object',
      'agentRealtimeInfo.networkInterfaces': 'list',
      indicators: 'list',
    },
  ),
};
