import type { Json } from '../kit/json.ts';
import { at, list, lookUp, present, text, unique } from '../kit/json.ts';
import { addresses, firstIpv4, type Severity, severity, time } from './fields.ts';
import type { Metadata, Stream } from './stream.ts';

/**
 * A word of `threatInfo.classification` in lower case to Analytics' message type; the first that is there
 * decides. The vendor writes `Trojan` as well as `Linux.Malware`.
 */
const messageTypes: Readonly<Record<string, string>> = {
  ransomware: 'ransomware_encryption',
  exploit: 'exploit_attempt',
  malware: 'malicious_software',
  trojan: 'malicious_software',
  virus: 'malicious_software',
  worm: 'malicious_software',
  rootkit: 'malicious_software',
  backdoor: 'malicious_software',
  downloader: 'malicious_software',
  infostealer: 'malicious_software',
  hacktool: 'malicious_software',
  spyware: 'malicious_software',
  packed: 'malicious_software',
  pua: 'policy_violation',
  adware: 'policy_violation',
};

/** By `threatInfo.confidenceLevel`. */
const severities: Readonly<Record<string, Severity>> = { malicious: 'high', suspicious: 'medium' };

/** By `threatInfo.mitigationStatus`; any other status is the action itself. */
const actions: Readonly<Record<string, string>> = { mitigated: 'block', blocked: 'block' };

function metadata(record: Json): Metadata {
  const info = at(record, 'threatInfo');
  const classification = text(info, 'classification');
  const confidence = text(info, 'confidenceLevel');
  const status = text(info, 'mitigationStatus');
  const { clientIP, clientMAC } = addresses(list(record, 'agentRealtimeInfo', 'networkInterfaces'));
  const own = {
    streamName: 'sentinelone',
    messageType: messageTypeOf(classification ?? ''),
    startTimeUTC: time(info, 'createdAt'),
    endTimeUTC: time(info, 'updatedAt'),
    ...severity(lookUp(severities, confidence?.toLowerCase() ?? '') ?? 'low'),
    clientHostname: ofAgent(record, 'agentComputerName'),
    clientIP: clientIP ?? firstIpv4(ofAgent(record, 'agentIpV4')?.split(',') ?? []),
    clientMAC,
    userName: text(info, 'processUser') ?? ofAgent(record, 'agentLastLoggedInUserName'),
    fileName: text(info, 'threatName'),
    filePath: text(info, 'filePath'),
    fileHash: text(info, 'sha256') ?? text(info, 'sha1') ?? text(info, 'md5'),
    program: text(info, 'originatorProcess'),
    action: lookUp(actions, status?.toLowerCase() ?? '') ?? status,
    ruleName: text(info, 'threatName'),
    ruleCategory: classification,
    siteName: ofAgent(record, 'siteName'),
    accountName: ofAgent(record, 'accountName'),
    groupName: ofAgent(record, 'groupName'),
  };
  return present({
    ...own,
    message: sentence(own, [classification, confidence], status),
    attackTechniqueIds: unique(techniques(record)),
    tags: unique([
      // `undefined` is the vendor's word for a threat that nobody has judged yet.
      ...['analystVerdict', 'incidentStatus', 'mitigationStatus'].map((key) => text(info, key)),
      ...list(info, 'engines'),
    ]),
  });
}

/** How the agent stands now, else how it stood when the threat was found. */
function ofAgent(record: Json, key: string): string | undefined {
  return text(record, 'agentRealtimeInfo', key) ?? text(record, 'agentDetectionInfo', key);
}

function messageTypeOf(classification: string): string {
  const words = classification.toLowerCase().split(/[^a-z]+/);
  const known = Object.keys(messageTypes).find((word) => words.includes(word));
  return lookUp(messageTypes, known ?? '') ?? 'threat_event';
}

/** A sub-technique is `T1059.001` in a name, and a folder in a link: `T1059/001`. */
function techniques(record: Json): string[] {
  return list(record, 'indicators')
    .flatMap((indicator) => list(indicator, 'tactics'))
    .flatMap((tactic) => list(tactic, 'techniques'))
    .flatMap((technique) => [text(technique, 'name') ?? '', text(technique, 'link') ?? ''])
    .flatMap((said) => [...said.matchAll(/\bT\d{4}(?:[./]\d{3})?(?!\d)/g)])
    .map(([id]) => id.replace('/', '.'));
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

export const threats: Stream = {
  name: 'threats',
  path: '/threats',
  cadenceMinutes: 5,
  timeoutSeconds: 270,
  requestsPerSecond: 6,
  orderedBy: 'updatedAt',
  time: ['threatInfo', 'updatedAt'],
  query: {},
  wholeInventory: false,
  permission: 'Threats.view',
  metadata,
};
