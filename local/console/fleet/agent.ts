import type { Micros } from '../time.ts';
import { agentVersions, people, type System, systems } from './names.ts';
import type { Random } from './random.ts';
import { daysBefore, idAt, type Place, written } from './world.ts';

export type Agent = ReturnType<typeof createAgent>;

const mac = (random: Random) => `02:${[1, 2, 3, 4, 5].map(() => random.hex(2)).join(':')}`;

function networkInterface(at: Micros, { network }: System, octet: number, random: Random) {
  return {
    gatewayIp: '192.0.2.1' as string | null,
    gatewayMacAddress: mac(random) as string | null,
    id: idAt(at, random),
    inet: [`192.0.2.${octet}`],
    inet6: [`fe80::${random.hex(4)}:${random.hex(4)}:${random.hex(4)}:${random.hex(4)}`],
    name: network,
    physical: mac(random),
  };
}

function tags(at: Micros, random: Random) {
  if (random.chance(0.6)) return {};
  const tag = (key: string, value: string) => ({
    assignedAt: written(at),
    assignedBy: 'Priya Nair',
    assignedById: idAt(at, random),
    id: idAt(at, random),
    key,
    value,
  });
  return { sentinelone: [tag('criticality', 'high'), tag('owner', 'équipe réseau')] };
}

/** An agent as `/agents` returns it, registered and last active at the given time. */
export function createAgent(at: Micros, number: number, place: Place, random: Random) {
  const system = random.pick(systems);
  const person = system.machineType === 'server' ? '' : random.pick(people);
  const { osType, osName, osRevision, osArch, prefix, machineType, model, installer } = system;
  const registered = written(at);
  const started = written(daysBefore(at, random.next() * 20, random));
  const interfaces = [networkInterface(at, system, (number % 250) + 2, random)];
  if (random.chance(0.3)) interfaces.push(networkInterface(at, system, ((number + 97) % 250) + 2, random));
  const computerName = `${prefix}-${String(number).padStart(4, '0')}`;
  const inDomain = osType === 'windows';
  return {
    ...place,
    activeDirectory: {
      computerDistinguishedName: inDomain ? `CN=${computerName},OU=Computers,DC=corp,DC=example` : null,
      computerMemberOf: inDomain ? ['CN=Domain Computers,CN=Users,DC=corp,DC=example'] : [],
      lastUserDistinguishedName: inDomain && person ? `CN=${person},OU=Staff,DC=corp,DC=example` : null,
      lastUserMemberOf: inDomain && person ? ['CN=Domain Users,CN=Users,DC=corp,DC=example'] : [],
      mail: null,
      userPrincipalName: inDomain && person ? `${person}@corp.example` : null,
    },
    activeThreats: 0,
    agentVersion: random.pick(agentVersions),
    allowRemoteShell: machineType === 'server',
    appsVulnerabilityStatus: random.pick(['up_to_date', 'patch_required']),
    cloudProviders:
      osType === 'linux'
        ? {
            AWS: {
              awsRole: null,
              cloudAccount: '123456789012',
              cloudInstanceId: `i-${random.hex(17)}`,
              cloudLocation: 'eu-central-1',
            },
          }
        : {},
    computerName,
    consoleMigrationStatus: 'N/A',
    coreCount: random.pick([2, 4, 8, 10]),
    cpuCount: random.pick([1, 2]),
    cpuId: osType === 'macos' ? 'Apple M1 Pro' : 'Intel(R) Core(TM) i7-1365U @ 1.80GHz',
    createdAt: registered,
    detectionState: null,
    domain: inDomain ? 'CORP' : 'unknown',
    encryptedApplications: machineType === 'laptop',
    externalId: '',
    externalIp: `198.51.100.${random.between(1, 254)}`,
    firewallEnabled: random.chance(0.8),
    firstFullModeTime: null,
    groupIp: '192.0.2.x',
    groupUpdatedAt: null,
    id: idAt(at, random),
    inRemoteShellSession: false,
    infected: false,
    installerType: installer,
    isActive: true,
    isDecommissioned: false,
    isPendingUninstall: false,
    isUninstalled: false,
    isUpToDate: true,
    lastActiveDate: registered,
    lastIpToMgmt: interfaces[0]?.inet[0] ?? null,
    lastLoggedInUserName: person,
    lastSuccessfulScanDate: null as string | null,
    licenseKey: '',
    locationEnabled: true,
    locationType: 'fallback',
    locations: [{ id: idAt(at, random), name: 'Fallback', scope: 'global' }],
    machineType: machineType,
    missingPermissions: osType === 'macos' && random.chance(0.3) ? ['user-action-needed-fda-helper'] : null,
    mitigationMode: 'protect',
    mitigationModeSuspicious: 'detect',
    modelName: model,
    networkInterfaces: interfaces,
    networkQuarantineEnabled: false,
    networkStatus: 'connected',
    operationalState: 'na',
    operationalStateExpiration: null,
    osArch: osArch,
    osName: osName,
    osRevision: osRevision,
    // Without fraction digits, as some times in real records.
    osStartTime: started.replace(/\.\d+Z/, 'Z'),
    osType: osType,
    osUsername: null,
    policyUpdatedAt: null as string | null,
    proxyStates: { console: false, deepVisibility: false },
    rangerStatus: 'Enabled',
    rangerVersion: '24.2.0.12',
    registeredAt: registered,
    remoteProfilingState: 'disabled',
    remoteProfilingStateExpiration: null,
    scanAbortedAt: null,
    scanFinishedAt: null as string | null,
    scanStartedAt: null as string | null,
    scanStatus: 'none',
    serialNumber: random.hex(10).toUpperCase(),
    showAlertIcon: false,
    storageName: null,
    storageType: null,
    tags: tags(at, random),
    threatRebootRequired: false,
    totalMemory: random.pick([8192, 16_384, 32_768, 65_536]),
    updatedAt: registered,
    userActionsNeeded: [],
    uuid: random.hex(32),
  };
}
