import type { ActivityDetails, Operator } from './activity.ts';
import type { Agent } from './agent.ts';
import type { Threat } from './threat.ts';
import type { Place } from './world.ts';

const scopeOf = ({ accountName, siteName, groupName }: Place, scopeLevel: 'Account' | 'Site' | 'Group') => {
  const path = {
    Account: [accountName],
    Site: [accountName, siteName],
    Group: [accountName, siteName, groupName],
  };
  const names = path[scopeLevel];
  const details = {
    Account: `Account ${accountName}`,
    Site: `Site ${siteName} of Account ${accountName}`,
    Group: `Group ${groupName} in Site ${siteName} of Account ${accountName}`,
  };
  return {
    accountName,
    fullScopeDetails: details[scopeLevel],
    fullScopeDetailsPath: ['Global', ...names].join(' / '),
    groupName: scopeLevel === 'Group' ? groupName : null,
    scopeLevel,
    scopeName: names.at(-1) ?? accountName,
    siteName: scopeLevel === 'Account' ? null : siteName,
  };
};

const fileOf = ({ threatInfo }: Threat) => ({
  fileContentHash: threatInfo.sha1,
  fileDisplayName: threatInfo.threatName,
  filePath: threatInfo.filePath,
  threatClassification: threatInfo.classification,
  threatClassificationSource: threatInfo.classificationSource,
});

export const byAgent = (
  type: number,
  agent: Agent,
  primary: string,
  data: ActivityDetails['data'] = {},
): ActivityDetails => ({
  type,
  agent,
  primary,
  data: {
    ...scopeOf(agent, 'Group'),
    computerName: agent.computerName,
    externalIp: agent.externalIp,
    ...data,
  },
});

const onThreat = (
  type: number,
  threat: Threat,
  agent: Agent,
  primary: string,
  data: ActivityDetails['data'],
): ActivityDetails => ({
  ...byAgent(type, agent, primary, { ...fileOf(threat), ...data }),
  threat,
  secondary: threat.threatInfo.sha1,
});

export const activities = {
  loggedIn: (place: Place, operator: Operator, ipAddress: string): ActivityDetails => ({
    type: 27,
    operator,
    primary: `The management user ${operator.name} logged in to the management console with IP Address ${ipAddress}.`,
    data: {
      ...scopeOf(place, 'Account'),
      ipAddress,
      reason: null,
      role: 'Admin',
      source: 'mgmt',
      userId: BigInt(operator.id),
      userScope: 'account',
      username: operator.name,
    },
  }),
  loginFailed: (place: Place, operator: Operator, ipAddress: string): ActivityDetails => ({
    type: 133,
    primary: `The management user ${operator.mail} failed to log in to the management console.`,
    data: {
      ...scopeOf(place, 'Account'),
      ipAddress,
      reason: 'Invalid credentials\n(attempt 1 of 5)',
      role: null,
      source: 'mgmt',
      username: operator.mail,
    },
  }),
  apiTokenUsed: (place: Place, operator: Operator): ActivityDetails => ({
    type: 7200,
    operator,
    hidden: true,
    primary: `The management user ${operator.name} used an API token.`,
    data: { ...scopeOf(place, 'Account'), scopeId: BigInt(place.accountId), userId: BigInt(operator.id) },
  }),
  policyChanged: (place: Place, operator: Operator): ActivityDetails => ({
    type: 73,
    operator,
    ofSite: true,
    primary: `The management user ${operator.name} changed the policy of site ${place.siteName}.`,
    data: {
      ...scopeOf(place, 'Site'),
      newValue: { antiTamperingOn: true, scopeId: BigInt(place.siteId) },
      policyId: BigInt(place.groupId) + 1n,
      username: operator.name,
    },
  }),
  subscribed: (agent: Agent): ActivityDetails =>
    byAgent(17, agent, `${agent.computerName} subscribed and joined the group ${agent.groupName}.`, {
      uuid: agent.uuid,
    }),
  updated: (agent: Agent, from: string): ActivityDetails =>
    byAgent(43, agent, `Agent on ${agent.computerName} was updated from ${from} to ${agent.agentVersion}.`, {
      newVersion: agent.agentVersion,
      oldVersion: from,
    }),
  decommissioned: (agent: Agent): ActivityDetails =>
    byAgent(47, agent, `Agent on ${agent.computerName} was decommissioned.`),
  scanStarted: (agent: Agent): ActivityDetails =>
    byAgent(90, agent, `Agent ${agent.computerName} started a full disk scan.`),
  scanFinished: (agent: Agent): ActivityDetails =>
    byAgent(92, agent, `Agent ${agent.computerName} completed a full disk scan.`),
  exclusionAdded: (place: Place, operator: Operator, path: string): ActivityDetails => ({
    type: 3008,
    operator,
    ofSite: true,
    primary: `The management user ${operator.name} added the path exclusion ${path} in site ${place.siteName}.`,
    data: {
      ...scopeOf(place, 'Site'),
      exclusionType: 'path',
      osFamily: 'Windows',
      username: operator.name,
      value: path,
    },
  }),
  userAdded: (place: Place, operator: Operator, username: string): ActivityDetails => ({
    type: 23,
    operator,
    primary: `The management user ${operator.name} added user ${username} as Viewer.`,
    data: { ...scopeOf(place, 'Account'), byUser: operator.name, role: 'Viewer', username },
  }),
  deviceConnected: (agent: Agent): ActivityDetails =>
    byAgent(5126, agent, `USB device Example Ultra was connected on ${agent.computerName}.`, {
      deviceName: 'Example Ultra',
      eventType: 'connected',
      interface: 'USB',
      ipAddress: agent.lastIpToMgmt,
      lastLoggedInUserName: agent.lastLoggedInUserName,
      productId: '5581',
      ruleId: -1,
      uid: '4C530001230815',
      vendorId: '0781',
    }),
  trafficBlocked: (agent: Agent, remote: string): ActivityDetails =>
    byAgent(5232, agent, `Firewall Control blocked traffic on ${agent.computerName} by rule Block all.`, {
      action: 'Block',
      createdByUsername: 'priya.nair@example.com',
      ipAddress: agent.lastIpToMgmt,
      processId: 4,
      reportedDirection: 'inbound',
      reportedLocalPort: '445',
      reportedProtocol: 'TCP',
      reportedRemoteHost: remote,
      ruleId: BigInt(agent.siteId) + 7n,
      ruleName: 'Block all',
    }),
  threatFound: (threat: Threat, agent: Agent): ActivityDetails =>
    onThreat(
      19,
      threat,
      agent,
      `Threat with confidence level ${threat.threatInfo.confidenceLevel} detected: ${threat.threatInfo.threatName}.`,
      { confidenceLevel: threat.threatInfo.confidenceLevel, username: null },
    ),
  killed: (threat: Threat, agent: Agent): ActivityDetails =>
    onThreat(
      2001,
      threat,
      agent,
      `The agent ${agent.computerName} successfully killed the threat: ${threat.threatInfo.threatName}.`,
      { globalStatus: 'success' },
    ),
  quarantined: (threat: Threat, agent: Agent): ActivityDetails =>
    onThreat(
      2004,
      threat,
      agent,
      `The agent ${agent.computerName} successfully quarantined the threat: ${threat.threatInfo.threatName}.`,
      { globalStatus: 'success' },
    ),
  statusChanged: (threat: Threat, agent: Agent, operator: Operator): ActivityDetails => ({
    ...onThreat(
      2028,
      threat,
      agent,
      `The management user ${operator.name} changed the incident status of ${threat.threatInfo.threatName} to ${threat.threatInfo.incidentStatusDescription}.`,
      {
        newIncidentStatus: threat.threatInfo.incidentStatus,
        username: operator.name,
        userId: BigInt(operator.id),
      },
    ),
    operator,
  }),
  verdictChanged: (threat: Threat, agent: Agent, operator: Operator): ActivityDetails => ({
    ...onThreat(
      2030,
      threat,
      agent,
      `The management user ${operator.name} set the analyst verdict of ${threat.threatInfo.threatName} to ${threat.threatInfo.analystVerdictDescription}.`,
      {
        newAnalystVerdict: threat.threatInfo.analystVerdict,
        username: operator.name,
        userId: BigInt(operator.id),
      },
    ),
    operator,
  }),
};
