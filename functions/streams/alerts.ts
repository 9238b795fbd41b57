import { at, type Json, list, lookUp, present, text, unique } from '../kit/json.ts';
import { addressesIn, ipAddress } from './addresses.ts';
import { isKnownClassification, messageTypeOf } from './classification.ts';
import { driftFinder } from './drift.ts';
import { hashes, name, type Severity, severity, span, time } from './fields.ts';
import type { GraphqlStream, Metadata } from './stream.ts';

const severities: Readonly<Record<string, Severity>> = {
  critical: 'critical',
  high: 'high',
  medium: 'medium',
  low: 'low',
};

/** By `result`; any other result is the action itself. */
const actions: Readonly<Record<string, string>> = { mitigated: 'block', blocked: 'block' };

/** By `detectionSource.product`, unless the classification is more specific. */
const messageTypes: Readonly<Record<string, string>> = { star: 'ids_event', identity: 'credential_access' };

/** Products whose alerts have a threat; its id is the alert's external id. */
const ofThreats = new Set(['edr', 'cws']);

function metadata(record: Json): Metadata {
  const product = text(record, 'detectionSource', 'product');
  const [asset] = list(record, 'assets');
  const then = at(record, 'detectionTime');
  const [assetThen] = list(then, 'assets');
  const process = at(record, 'process');
  const file = at(process, 'file');
  const classification = text(record, 'classification');
  const result = text(record, 'result');
  const loggedInUser = name(asset, 'lastLoggedInUser');
  const own = {
    streamName: 'sentinelone',
    messageType: messageType(classification, product),
    ...span(time(record, 'createdAt'), time(record, 'updatedAt')),
    ...severity(lookUp(severities, text(record, 'severity')?.toLowerCase() ?? '') ?? 'informational'),
    clientHostname: name(asset, 'name'),
    ...addressesIn(
      ['ipV4', 'ipV6'].flatMap((key) => ipAddress(assetThen, 'asset', key) ?? []),
      [],
    ),
    serverIP: ipAddress(then, 'attacker', 'ip'),
    userName: name(process, 'username') ?? name(at(then, 'targetUser'), 'name') ?? loggedInUser,
    loggedInUser,
    domain: name(at(assetThen, 'asset'), 'domain'),
    fileName: text(file, 'name'),
    filePath: text(file, 'path'),
    ...hashes(['sha256', 'sha1', 'md5'].map((key) => at(file, key))),
    program: text(process, 'parentName'),
    commandLine: text(process, 'cmdLine'),
    signer: text(file, 'certSubject'),
    action: lookUp(actions, result?.toLowerCase() ?? '') ?? result,
    ruleName: text(record, 'name'),
    ruleCategory: classification,
    analystVerdict: text(record, 'analystVerdict'),
    osName: name(at(assetThen, 'asset'), 'osName'),
    agentVersion: text(asset, 'agentVersion') ?? text(assetThen, 'asset', 'agentVersion'),
    agentUuid: text(asset, 'agentUuid'),
    storyline: text(record, 'storylineId'),
    alertId: text(record, 'id'),
    threatId: threatId(record, product),
    detectionProduct: product,
    siteName: scopeName(record, 'site'),
    accountName: scopeName(record, 'account'),
    groupName: scopeName(record, 'group'),
  };
  return present({
    ...own,
    message: sentence(own, result),
    tags: unique([
      ...['analystVerdict', 'status'].map((key) => text(record, key)),
      text(record, 'detectionSource', 'vendor'),
      ...list(record, 'attackSurfaces'),
    ]),
  });
}

function messageType(classification: string | undefined, product: string | undefined): string {
  const known = messageTypeOf(classification ?? '');
  if (known !== 'threat_event') return known;
  return lookUp(messageTypes, product?.toLowerCase() ?? '') ?? known;
}

const digits = /^\d{1,20}$/;

/** Returns the id of the same detection in `/threats`. */
function threatId(record: Json, product: string | undefined): string | undefined {
  const id = text(record, 'externalId');
  return id !== undefined && digits.test(id) && ofThreats.has(product?.toLowerCase() ?? '') ? id : undefined;
}

/** Returns the current scope, or else the scope when the alert was raised. */
function scopeName(record: Json, scope: 'account' | 'site' | 'group'): string | undefined {
  const now = name(at(record, 'realTime', 'scope', scope), 'name');
  return now ?? name(at(record, 'detectionTime', 'scope'), `${scope}Name`);
}

/** `update.exe detected as Malware (CWS, MALWARE) on WS-0042, user ann: unmitigated.` */
function sentence(
  own: {
    readonly [key in 'ruleName' | 'detectionProduct' | 'ruleCategory' | 'clientHostname' | 'userName']:
      | string
      | undefined;
  },
  result: string | undefined,
): string {
  const kind = unique([own.detectionProduct, own.ruleCategory])?.join(', ');
  return [
    own.ruleName ?? 'An alert',
    kind && ` (${kind})`,
    own.clientHostname && ` on ${own.clientHostname}`,
    own.userName && `, user ${own.userName}`,
    result && `: ${result.toLowerCase().replaceAll('_', ' ')}`,
    '.',
  ].join('');
}

/** Paths of fields with the same parent. */
const under = (parent: string, names: string) => names.split(' ').map((field) => `${parent}.${field}`);

/** Unified alerts: of endpoints, rules, identities, clouds, mobile devices and third parties. */
export const alerts: GraphqlStream = {
  name: 'alerts',
  byDefault: false,
  path: '/unifiedalerts/graphql',
  connection: 'alerts',
  fields: [
    ...'id externalId name description severity status analystVerdict classification confidenceLevel'.split(
      ' ',
    ),
    ...'result storylineId ticketId noteExists'.split(' '),
    ...'detectedAt createdAt updatedAt firstSeenAt lastSeenAt attackSurfaces dataSources'.split(' '),
    ...under('detectionSource', 'product vendor'),
    ...under('analytics', 'category name typeValue uid'),
    ...under('assignee', 'userId email fullName'),
    ...under('aiInvestigation', 'status verdict'),
    ...under('assets', 'id agentUuid agentVersion name category subcategory osType osVersion'),
    ...under('assets', 'lastLoggedInUser role status connectivityToConsole'),
    ...under('detectionTime.attacker', 'host ip'),
    ...under('detectionTime.targetUser', 'name domain emailAddress'),
    ...under('detectionTime.scope', 'accountId accountName siteId siteName groupId groupName'),
    ...under('detectionTime.assets.asset', 'ipV4 ipV6 domain osName agentVersion consoleIpAddress'),
    ...under('detectionTime.assets.cloud', 'accountId instanceId region'),
    ...under('detectionTime.assets.kubernetes', 'clusterName namespace podName nodeName'),
    ...under('process', 'cmdLine parentName username'),
    ...under('process.file', 'name path md5 sha1 sha256 certSubject'),
    ...under('realTime.scope.account', 'id name'),
    ...under('realTime.scope.site', 'id name'),
    ...under('realTime.scope.group', 'id name'),
    ...under('indicators', 'uid type title description message severity eventTime'),
    ...under('observables', 'name type value'),
  ],
  cadenceMinutes: 5,
  timeoutSeconds: 270,
  requestsPerSecond: 5,
  pageSize: 500,
  timeDigits: 3,
  orderedBy: 'updatedAt',
  time: ['updatedAt'],
  created: ['createdAt'],
  id: ['id'],
  wholeInventory: false,
  permission: 'Unified Alerts → View',
  licence:
    "Opt in to the Singularity Operations Center for the token's account in the console, or use rule-alerts instead; else leave alerts out of streams.",
  metadata,
  drift: driftFinder(
    {
      severity: [...Object.keys(severities), 'info'],
      status: ['new', 'in_progress', 'resolved'],
      classification: isKnownClassification,
      confidenceLevel: ['malicious', 'suspicious'],
      result: [...Object.keys(actions), 'unmitigated', 'benign'],
    },
    { assets: 'list', detectionSource: 'object', detectionTime: 'object', attackSurfaces: 'list' },
  ),
};
