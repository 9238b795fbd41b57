import { buildSchema, GraphQLError, type GraphQLScalarType, type GraphQLSchema, Kind } from 'graphql';

/** How the schema of a console differs from the newest one. */
export interface SchemaOptions {
  /** Fields that it does not have, such as `Alert.ticketId`. */
  lacks?: readonly string[];
  /** How it names arguments and ranges; consoles differ. */
  spelling?: 'usual' | 'ranges from and to' | 'choices and lists';
}

/** The part of the unified alerts' schema that other clients use. One field a line. */
const newest = `
scalar Long

type Query {
  alerts(after: String, first: Int, filters: [FilterInput!], sort: SortInput, scope: ScopeSelectorInput, viewType: ViewType): AlertConnection!
  alertsViewDataAvailability(scope: ScopeSelectorInput): ViewDataAvailabilityResponse!
}

type AlertConnection {
  edges: [AlertEdge!]!
  pageInfo: PageInfo!
  totalCount: Long!
}

type AlertEdge {
  node: Alert!
  cursor: String!
}

type PageInfo {
  hasNextPage: Boolean!
  hasPreviousPage: Boolean!
  startCursor: String
  endCursor: String
}

type ViewDataAvailabilityResponse {
  viewDataAvailability: [ViewDataAvailability!]!
}

type ViewDataAvailability {
  viewType: ViewType!
  dataAvailable: Boolean!
}

type Alert {
  id: ID!
  externalId: String
  name: String
  description: String
  severity: Severity
  status: Status
  analystVerdict: String
  classification: String
  confidenceLevel: String
  result: String
  storylineId: String
  ticketId: String
  noteExists: Boolean
  detectedAt: String
  createdAt: String
  updatedAt: String
  firstSeenAt: String
  lastSeenAt: String
  attackSurfaces: [String!]
  dataSources: [String!]
  detectionSource: DetectionSource
  analytics: Analytics
  assignee: User
  aiInvestigation: AiInvestigation
  assets: [Asset!]
  detectionTime: DetectionTime
  process: Process
  realTime: RealTime
  indicators: [Indicator!]
  observables: [Observable!]
}

type DetectionSource {
  product: String
  vendor: String
}

type Analytics {
  category: String
  name: String
  typeValue: String
  uid: String
}

type User {
  userId: ID
  email: String
  fullName: String
}

type AiInvestigation {
  status: String
  verdict: String
}

type Asset {
  id: ID
  agentUuid: String
  agentVersion: String
  name: String
  category: String
  subcategory: String
  osType: String
  osVersion: String
  lastLoggedInUser: String
  role: String
  status: String
  connectivityToConsole: String
}

type DetectionTime {
  attacker: Attacker
  targetUser: TargetUser
  scope: DetectionScope
  assets: [DetectionAsset!]
}

type Attacker {
  host: String
  ip: String
}

type TargetUser {
  name: String
  domain: String
  emailAddress: String
}

type DetectionScope {
  accountId: ID
  accountName: String
  siteId: ID
  siteName: String
  groupId: ID
  groupName: String
}

type DetectionAsset {
  asset: AssetThen
  cloud: Cloud
  kubernetes: Kubernetes
}

type AssetThen {
  ipV4: String
  ipV6: String
  domain: String
  osName: String
  agentVersion: String
  consoleIpAddress: String
}

type Cloud {
  accountId: String
  instanceId: String
  region: String
}

type Kubernetes {
  clusterName: String
  namespace: String
  podName: String
  nodeName: String
}

type Process {
  cmdLine: String
  parentName: String
  username: String
  file: File
}

type File {
  name: String
  path: String
  md5: String
  sha1: String
  sha256: String
  certSubject: String
}

type RealTime {
  scope: RealTimeScope
}

type RealTimeScope {
  account: ScopeItem
  site: ScopeItem
  group: ScopeItem
}

type ScopeItem {
  id: ID
  name: String
}

type Indicator {
  uid: String
  type: String
  title: String
  description: String
  message: String
  severity: String
  eventTime: String
}

type Observable {
  name: String
  type: String
  value: String
}

input FilterInput {
  fieldId: String!
  isNegated: Boolean
  stringEqual: EqualFilterStringInput
  stringIn: InFilterStringInput
  dateTimeRange: RangeFilterLongInput
}

input OrFilterSelectionInput {
  or: [AndFilterSelectionInput!]!
}

input AndFilterSelectionInput {
  and: [FilterInput!]!
}

input EqualFilterStringInput {
  value: String
}

input InFilterStringInput {
  values: [String!]!
}

input RangeFilterLongInput {
  start: Long
  startInclusive: Boolean
  end: Long
  endInclusive: Boolean
}

input DateRangeInput {
  from: Long
  to: Long
}

input SortInput {
  by: String!
  order: SortOrderType!
}

input ScopeSelectorInput {
  scopeIds: [ID!]!
  scopeType: ScopeType!
}

enum SortOrderType {
  ASC
  DESC
}

enum ScopeType {
  ACCOUNT
  SITE
  GROUP
  GLOBAL
}

enum ViewType {
  ALL
  ENDPOINT
  IDENTITY
  STAR
  CUSTOM_ALERTS
  CLOUD
  THIRD_PARTY
}

enum Severity {
  CRITICAL
  HIGH
  MEDIUM
  LOW
  INFO
  UNKNOWN
}

enum Status {
  NEW
  IN_PROGRESS
  RESOLVED
}
`;

const spellings: Record<NonNullable<SchemaOptions['spelling']>, (sdl: string) => string> = {
  usual: (sdl) => sdl,
  'ranges from and to': (sdl) =>
    sdl.replace('dateTimeRange: RangeFilterLongInput', 'dateRange: DateRangeInput'),
  'choices and lists': (sdl) =>
    sdl.replace(
      'filters: [FilterInput!], sort: SortInput,',
      'orFilter: OrFilterSelectionInput, sorts: [SortInput!],',
    ),
};

/** The schema of a console, in its own language. */
export function sdlOf({ lacks = [], spelling = 'usual' }: SchemaOptions): string {
  return lacks.reduce((sdl, one) => {
    const [type = '', field = ''] = one.split('.');
    const without = sdl.replace(new RegExp(`(type ${type} \\{[^}]*?\\n)  ${field}[(:][^\\n]*\\n`), '$1');
    if (without === sdl) throw new Error(`the schema has no ${one}`);
    return without;
  }, spellings[spelling](newest));
}

export function schemaOf(options: SchemaOptions): GraphQLSchema {
  const schema = buildSchema(sdlOf(options));
  const long = schema.getType('Long') as GraphQLScalarType;
  long.parseLiteral = (node) => {
    if (node.kind !== Kind.INT)
      throw new GraphQLError('Long cannot represent a value that is no whole number');
    return Number(node.value);
  };
  return schema;
}
