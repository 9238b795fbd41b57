import type { Micros } from '../time.ts';
import type { Agent } from './agent.ts';
import { type Malware, malware } from './names.ts';
import type { Random } from './random.ts';
import { idAt, type Place, written } from './world.ts';

export type Threat = ReturnType<typeof createThreat>;

const placeOf = ({ accountId, accountName, siteId, siteName, groupId, groupName }: Place): Place => ({
  accountId,
  accountName,
  siteId,
  siteName,
  groupId,
  groupName,
});

const indicators = ({ techniques }: Malware) =>
  techniques.map(([tactic, technique], at) => ({
    category: tactic.replaceAll(' ', ''),
    categoryId: at + 1,
    description: `The process behaved as ${technique} describes: ${tactic.toLowerCase()}.`,
    ids: [at + 40],
    tactics: [
      {
        name: tactic,
        source: 'MITRE',
        techniques: [{ link: `https://attack.mitre.org/techniques/${technique}/`, name: technique }],
      },
    ],
  }));

function threatInfo(at: Micros, id: string, found: Malware, agent: Agent, random: Random) {
  const known = written(at);
  const confidence = random.chance(0.75) ? 'malicious' : 'suspicious';
  return {
    analystVerdict: 'undefined',
    analystVerdictDescription: 'Undefined',
    automaticallyResolved: false,
    browserType: null,
    certificateId: '',
    classification: found.classification,
    classificationSource: 'Engine',
    cloudFilesHashVerdict: 'black',
    collectionId: idAt(at, random),
    confidenceLevel: confidence,
    createdAt: known,
    detectionEngines: [{ key: found.engine[1], title: found.engine[0] }],
    detectionType: random.pick(['static', 'dynamic']),
    engines: [found.engine[0]],
    externalTicketExists: false,
    externalTicketId: null,
    failedActions: false,
    fileExtension: found.extension,
    fileExtensionType: 'Executable',
    filePath: `${found.folder}${found.name}`,
    fileSize: random.between(2_000, 9_000_000),
    fileVerificationType: 'NotSigned',
    identifiedAt: written(at - random.between(100_000, 4_000_000)),
    incidentStatus: 'unresolved',
    incidentStatusDescription: 'Unresolved',
    initiatedBy: 'agent_policy',
    initiatedByDescription: 'Agent Policy',
    initiatingUserId: null,
    initiatingUsername: null,
    isFileless: false,
    isValidCertificate: false,
    macroModules: null,
    maliciousProcessArguments: `"${found.folder}${found.name}" --quiet\t/s`,
    md5: random.hex(32),
    mitigatedPreemptively: false,
    mitigationStatus: 'not_mitigated',
    mitigationStatusDescription: 'Not mitigated',
    originatorProcess: found.process,
    pendingActions: false,
    processUser: `CORP\\${agent.lastLoggedInUserName || 'SYSTEM'}`,
    publisherName: '',
    reachedEventsLimit: false,
    rebootRequired: false,
    rootProcessUpn: null,
    sha1: random.hex(40),
    sha256: random.hex(64),
    storyline: random.hex(16).toUpperCase(),
    threatId: id,
    threatName: found.name,
    updatedAt: known,
  };
}

/** The state of the agent when the threat was found. It does not change afterwards. */
const agentThen = (agent: Agent) => ({
  ...placeOf(agent),
  agentDetectionState: null,
  agentDomain: agent.domain,
  agentIpV4: agent.networkInterfaces.flatMap(({ inet }) => inet).join(','),
  agentIpV6: agent.networkInterfaces.flatMap(({ inet6 }) => inet6).join(','),
  agentLastLoggedInUpn: agent.activeDirectory.userPrincipalName,
  agentLastLoggedInUserMail: null,
  agentLastLoggedInUserName: agent.lastLoggedInUserName,
  agentMitigationMode: agent.mitigationMode,
  agentOsName: agent.osName,
  agentOsRevision: agent.osRevision,
  agentRegisteredAt: agent.registeredAt,
  agentUuid: agent.uuid,
  agentVersion: agent.agentVersion,
  assetVersion: null,
  cloudProviders: agent.cloudProviders,
  externalIp: agent.externalIp,
});

/** The state of the agent when the threat is read. It changes independently of the threat's `updatedAt`. */
export const agentNow = (agent: Agent) => ({
  ...placeOf(agent),
  activeThreats: agent.activeThreats,
  agentComputerName: agent.computerName,
  agentDecommissionedAt: null,
  agentDomain: agent.domain,
  agentId: agent.id,
  agentInfected: agent.infected,
  agentIsActive: agent.isActive,
  agentIsDecommissioned: agent.isDecommissioned,
  agentMachineType: agent.machineType,
  agentMitigationMode: agent.mitigationMode,
  agentNetworkStatus: agent.networkStatus,
  agentOsName: agent.osName,
  agentOsRevision: agent.osRevision,
  agentOsType: agent.osType,
  agentUuid: agent.uuid,
  agentVersion: agent.agentVersion,
  networkInterfaces: agent.networkInterfaces.map(({ id, inet, inet6, name, physical }) => ({
    id,
    inet,
    inet6,
    name,
    physical,
  })),
  operationalState: agent.operationalState,
  rebootRequired: agent.threatRebootRequired,
  scanAbortedAt: agent.scanAbortedAt,
  scanFinishedAt: agent.scanFinishedAt,
  scanStartedAt: agent.scanStartedAt,
  scanStatus: agent.scanStatus,
  storageName: agent.storageName,
  storageType: agent.storageType,
  userActionsNeeded: agent.userActionsNeeded,
});

export const mitigation = (at: Micros, action: string, status: string, random: Random) => ({
  action,
  actionsCounters: { failed: 0, notFound: 0, pendingReboot: 0, success: 1, total: 1 },
  agentSupportsReport: true,
  groupNotFound: false,
  lastUpdate: written(at),
  latestReport: `/threats/mitigation-report/${idAt(at, random)}`,
  mitigationEndedAt: written(at - random.between(10_000, 400_000)),
  mitigationStartedAt: written(at - random.between(500_000, 2_000_000)),
  reportId: idAt(at, random),
  status,
});

/** A threat as `/threats` returns it: found on an agent, not mitigated yet. */
export function createThreat(at: Micros, agent: Agent, random: Random) {
  const found = random.pick(malware);
  const id = idAt(at, random);
  return {
    agentDetectionInfo: agentThen(agent),
    agentRealtimeInfo: agentNow(agent),
    containerInfo: { id: null, image: null, isContainerQuarantine: null, labels: null, name: null },
    ecsInfo: { clusterName: null, serviceName: null, taskArn: null, type: null, version: null },
    id,
    indicators: indicators(found),
    kubernetesInfo: {
      cluster: null,
      controllerKind: null,
      controllerName: null,
      namespace: null,
      node: null,
      pod: null,
      podLabels: null,
    },
    mitigationStatus: [] as ReturnType<typeof mitigation>[],
    threatInfo: threatInfo(at, id, found, agent, random),
    whiteningOptions: ['hash', 'path'],
  };
}
