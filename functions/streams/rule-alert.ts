import { at, code, type Json, text, unique } from '../kit/json.ts';
import { addressesIn, ipAddress, listed } from './addresses.ts';
import { hashes, name, portNumber, processId, type Severity, techniques } from './fields.ts';

/** By `data.severity`, which is `E_HIGH` in activities. */
const severities: readonly Severity[] = ['critical', 'high', 'medium', 'low'];

export function severityOfRule(data: Json | undefined): Severity {
  const said = text(data, 'severity')?.toLowerCase().replace('e_', '') ?? 'medium';
  if (said.startsWith('info')) return 'informational';
  return severities.find((severity) => severity === said) ?? 'medium';
}

/** Consoles write the three users of a Linux process as one text. */
const linuxUsers = /^Effective: (.*?)(?:, Real: (.*?))?(?:, Login: (.*))?$/;

/** A longer text is not a user name. */
const longestUser = 1000;

/** Returns the user of the process and the person who was logged in, if the record distinguishes them. */
function usersOf(data: Json | undefined): { userName: string | undefined; loggedInUser: string | undefined } {
  const login = name(data, 'loginsusername');
  const process = name(data, 'sourceprocessusername');
  const users = process !== undefined && process.length < longestUser ? linuxUsers.exec(process) : null;
  if (users === null) return { userName: process ?? login, loggedInUser: login };
  const [effective, real, person] = users.slice(1).map((user) => name({ user: user ?? null }, 'user'));
  return { userName: effective ?? real ?? person, loggedInUser: login ?? person ?? real };
}

const alertIds = /"alertid"\s*:\s*(\d{1,20})(?!\d)/gi;

/** Returns the id as it is written in the record. Older consoles send a number that is too long for `JSON.parse`. */
function alertIdOf(data: Json | undefined, raw: string): string | undefined {
  const known = code(data, 'alertid') ?? code(data, 'alertId');
  const rounded = at(data, 'alertid') ?? at(data, 'alertId');
  if (known !== undefined || typeof rounded !== 'number') return known;
  return [...raw.matchAll(alertIds)].map(([, digits]) => digits).find((digits) => Number(digits) === rounded);
}

const serverSide = /^in/i;

/**
 * The metadata of an alert of a custom rule (3608) or a platform rule (3784). The rule's owner is not the user who
 * caused it.
 */
export function ruleAlert(record: Json, data: Json | undefined, raw: string) {
  const cameIn = serverSide.test(text(data, 'neteventdirection') ?? '');
  const ips = [...listed(data, 'agentipv4'), ...listed(data, 'agentipv6')];
  return {
    clientHostname: name(data, 'origagentname') ?? name(data, 'computerName'),
    ...addressesIn(ips.length > 0 ? ips : listed(data, 'srcmachineip'), listed(data, 'physical')),
    // The remote end of the connection in the alert, independent of who opened it.
    serverIP: ipAddress(data, cameIn ? 'srcip' : 'dstip'),
    serverPort: portNumber(data, cameIn ? 'srcport' : 'dstport'),
    fqdn: text(data, 'dnsrequest'),
    ...usersOf(data),
    targetUserName: undefined,
    fileName: text(data, 'sourceprocessname'),
    filePath: text(data, 'sourceprocessfilepath'),
    ...hashes([
      ...['sourceprocesssha256', 'sourceprocesssha1', 'sourceprocessmd5'].map((key) => at(data, key)),
      ...['tgtfilehashsha256', 'tgtfilehashsha1', 'modulesha1'].map((key) => at(data, key)),
      at(record, 'secondaryDescription'),
    ]),
    program: text(data, 'sourceprocessname'),
    pid: processId(data, 'sourceprocesspid'),
    commandLine: text(data, 'sourceprocesscommandline'),
    // Older consoles misspell this key.
    signer: text(data, 'sourceprocessfilesigneridentity') ?? text(data, 'sourceprocessfilesingeridentity'),
    osName: name(data, 'origagentosname'),
    agentVersion: text(data, 'origagentversion'),
    agentUuid: text(data, 'origagentuuid'),
    storyline: text(data, 'sourceprocessstoryline'),
    alertId: alertIdOf(data, raw),
    containerName: text(data, 'k8scontainername'),
    containerImage: text(data, 'k8scontainerimage'),
    ruleName: text(data, 'rulename') ?? text(data, 'ruleName'),
    ruleCategory: name(data, 'indicatorcategory'),
    attackTechniqueIds: unique(techniques(text(data, 'indicatordescription') ?? '')),
  };
}
