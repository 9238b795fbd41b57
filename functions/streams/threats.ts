import { lookUp, present, text } from '../core/json.ts';
import type { Json, Metadata, Stream } from '../core/stream.ts';

/** `threatInfo.classification` in lower case to Analytics' message type. */
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

const severities: Readonly<Record<string, string>> = { malicious: 'high', suspicious: 'medium' };

function metadata(record: Json): Metadata {
  const classification = text(record, 'threatInfo', 'classification')?.toLowerCase() ?? '';
  const confidence = text(record, 'threatInfo', 'confidenceLevel')?.toLowerCase() ?? '';
  return present({
    streamName: 'sentinelone',
    messageType: lookUp(messageTypes, classification) ?? 'threat_event',
    startTimeUTC: text(record, 'threatInfo', 'createdAt'),
    clientHostname: text(record, 'agentRealtimeInfo', 'agentComputerName'),
    severityLabel: lookUp(severities, confidence) ?? 'low',
  });
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
