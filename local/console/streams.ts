/** How a field's values are read and compared. Times compare by value, ids as numbers of any length. */
export type Kind = 'id' | 'time' | 'number' | 'text';

export interface Field {
  path: string;
  kind: Kind;
}

/** A parameter that takes a comma-separated list of the values to keep. */
export interface ListFilter {
  field: string;
  max: number;
  /** The list that applies if the parameter is absent: the console's undocumented defaults. */
  unsent?: string[];
}

/** One path of the API, as data. A new stream is a new value of this type. */
export interface Stream {
  path: string;
  /** Served over GraphQL, and not as a list. */
  isGraphql?: boolean;
  /** If absent, any valid token can read it. */
  permission?: string;
  rate?: { perSecond: number; burst: number };
  fields: Record<string, Field>;
  sortBy: string[];
  /** Names of fields. Each has four parameters: `__gt`, `__gte`, `__lt` and `__lte`. */
  timeFilters: string[];
  listFilters: Record<string, ListFilter>;
  /** Parameters that include records which are excluded by default, and the field that marks those. */
  reveals?: Record<string, string>;
  totalCap?: number;
}

const id = (path: string): Field => ({ path, kind: 'id' });
const time = (path: string): Field => ({ path, kind: 'time' });
const text = (path: string): Field => ({ path, kind: 'text' });
const number = (path: string): Field => ({ path, kind: 'number' });

const scopeFields = (prefix = '') => ({
  accountId: id(`${prefix}accountId`),
  siteId: id(`${prefix}siteId`),
  groupId: id(`${prefix}groupId`),
});
const scopeFilters: Record<string, ListFilter> = {
  ids: { field: 'id', max: 500 },
  accountIds: { field: 'accountId', max: 500 },
  siteIds: { field: 'siteId', max: 500 },
  groupIds: { field: 'groupId', max: 500 },
};

/** A stream whose records have id, times and scope at the top level, sortable and filterable by both times. */
export const plainStream = (path: string, changes: Partial<Stream> = {}): Stream => ({
  path,
  fields: { id: id('id'), createdAt: time('createdAt'), updatedAt: time('updatedAt'), ...scopeFields() },
  sortBy: ['id', 'createdAt', 'updatedAt'],
  timeFilters: ['createdAt', 'updatedAt'],
  listFilters: scopeFilters,
  ...changes,
});

const threats: Stream = {
  path: '/threats',
  permission: 'Threats.view',
  rate: { perSecond: 10, burst: 50 },
  fields: {
    id: id('id'),
    createdAt: time('threatInfo.createdAt'),
    updatedAt: time('threatInfo.updatedAt'),
    identifiedAt: time('threatInfo.identifiedAt'),
    threatName: text('threatInfo.threatName'),
    incidentStatus: text('threatInfo.incidentStatus'),
    analystVerdict: text('threatInfo.analystVerdict'),
    confidenceLevel: text('threatInfo.confidenceLevel'),
    ...scopeFields('agentRealtimeInfo.'),
  },
  sortBy: [
    'id',
    'createdAt',
    'updatedAt',
    'threatName',
    'incidentStatus',
    'analystVerdict',
    'confidenceLevel',
  ],
  timeFilters: ['createdAt', 'updatedAt', 'identifiedAt'],
  listFilters: {
    ...scopeFilters,
    incidentStatuses: { field: 'incidentStatus', max: 500 },
    analystVerdicts: { field: 'analystVerdict', max: 500 },
    confidenceLevels: { field: 'confidenceLevel', max: 500 },
  },
};

const activities: Stream = plainStream('/activities', {
  permission: 'Activity Page.view',
  rate: { perSecond: 10, burst: 30 },
  fields: {
    ...plainStream('').fields,
    activityType: number('activityType'),
    hidden: text('hidden'),
    threatId: id('threatId'),
    agentId: id('agentId'),
  },
  sortBy: ['id', 'activityType', 'createdAt'],
  timeFilters: ['createdAt'],
  listFilters: {
    ...scopeFilters,
    activityTypes: { field: 'activityType', max: 5000 },
    threatIds: { field: 'threatId', max: 500 },
    agentIds: { field: 'agentId', max: 500 },
  },
  reveals: { includeHidden: 'hidden' },
  totalCap: 50_000,
});

const agents: Stream = plainStream('/agents', {
  permission: 'Endpoints.view',
  rate: { perSecond: 25, burst: 25 },
  fields: {
    ...plainStream('').fields,
    lastActiveDate: time('lastActiveDate'),
    registeredAt: time('registeredAt'),
    computerName: text('computerName'),
    isDecommissioned: text('isDecommissioned'),
    isUninstalled: text('isUninstalled'),
  },
  sortBy: ['id', 'createdAt', 'updatedAt', 'lastActiveDate', 'registeredAt', 'computerName'],
  timeFilters: ['createdAt', 'updatedAt', 'lastActiveDate', 'registeredAt'],
  listFilters: {
    ...scopeFilters,
    isDecommissioned: { field: 'isDecommissioned', max: 2, unsent: ['false'] },
    isUninstalled: { field: 'isUninstalled', max: 2, unsent: ['false'] },
  },
});

const alerts: Stream = {
  path: '/unifiedalerts/graphql',
  isGraphql: true,
  permission: 'Unified Alerts.view',
  rate: { perSecond: 25, burst: 25 },
  fields: {
    id: id('id'),
    createdAt: time('createdAt'),
    updatedAt: time('updatedAt'),
    detectedAt: time('detectedAt'),
    severity: text('severity'),
    status: text('status'),
    detectionProduct: text('detectionSource.product'),
    accountId: id('realTime.scope.account.id'),
    siteId: id('realTime.scope.site.id'),
    groupId: id('realTime.scope.group.id'),
  },
  sortBy: ['id', 'createdAt', 'updatedAt', 'detectedAt'],
  timeFilters: ['createdAt', 'updatedAt', 'detectedAt'],
  listFilters: scopeFilters,
};

/** The sort column has another name than the filter, and there is no filter on later changes. */
const ruleAlerts: Stream = {
  path: '/cloud-detection/alerts',
  permission: 'Custom Alerts.view',
  rate: { perSecond: 10, burst: 30 },
  fields: {
    id: id('alertInfo.alertId'),
    alertInfoCreatedAt: time('alertInfo.createdAt'),
    createdAt: time('alertInfo.createdAt'),
    reportedAt: time('alertInfo.reportedAt'),
    ...scopeFields('agentRealtimeInfo.'),
  },
  sortBy: ['id', 'alertInfoCreatedAt'],
  timeFilters: ['createdAt', 'reportedAt'],
  listFilters: scopeFilters,
};

export const streams: Record<string, Stream> = {
  threats,
  activities,
  agents,
  alerts,
  'rule-alerts': ruleAlerts,
};
