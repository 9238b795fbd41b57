import { type ILogGroup, QueryDefinition, QueryString } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';

interface Saved {
  readonly name: string;
  readonly fields?: readonly string[];
  readonly filters: readonly string[];
  readonly stats?: string;
  readonly sort: string;
}

const newestFirst = '@timestamp desc';

const saved: readonly Saved[] = [
  {
    name: 'fetched',
    fields: [
      '@timestamp',
      'message',
      'instance',
      'pages',
      'artifacts',
      'position',
      'lagSeconds',
      'durationMs',
      'caughtUp',
    ],
    filters: ['message like /^sentinelone: fetched/'],
    sort: newestFirst,
  },
  {
    // Replace the instance's name before running the query.
    name: 'history of one instance',
    fields: ['@timestamp', 'level', 'stream', 'state', 'message', 'artifacts', 'lagSeconds'],
    filters: ['instance = "acme"'],
    sort: newestFirst,
  },
  {
    name: 'errors by remedy',
    filters: ['level = "ERROR" and ispresent(remedy)'],
    stats:
      'count(*) as errors, count_distinct(instance) as instances, latest(message) as last by state, remedy',
    sort: 'instances desc, errors desc',
  },
  {
    name: 'rate limits',
    filters: ['level = "ERROR" and state = "rate-limited"'],
    stats: 'count(*) as polls, sum(artifacts) as delivered by instance, stream, bin(1h)',
    sort: 'polls desc',
  },
  {
    name: 'refused tokens (401)',
    filters: ['level = "ERROR" and state = "unauthorized"'],
    stats: 'count(*) as polls, earliest(@timestamp) as since, latest(@timestamp) as last by instance, stream',
    sort: 'since asc',
  },
  {
    name: 'missing permissions (403)',
    filters: ['level = "ERROR" and state = "forbidden"'],
    stats: 'count(*) as polls, latest(remedy) as what by instance, stream',
    sort: 'instance asc',
  },
  {
    name: 'state changes',
    fields: ['@timestamp', 'instance', 'stream', 'from', 'to', 'error', 'remedy'],
    filters: ['message like /^sentinelone: state of/'],
    sort: newestFirst,
  },
  {
    name: 'past hours',
    fields: ['@timestamp', 'level', 'message', 'instance', 'hour', 'atConsole', 'delivered', 'found', 'left'],
    filters: ['message like /^sentinelone: (checked|missing|past hours)/'],
    sort: newestFirst,
  },
  {
    name: 'failed runs',
    fields: ['@timestamp', '@message', '@logStream'],
    filters: ['@message like /Invoke Error|Task timed out|Runtime exited|Runtime.ExitError/'],
    sort: newestFirst,
  },
];

interface QueriesProps {
  readonly stackName: string;
  readonly pollers: readonly ILogGroup[];
  readonly operator: ILogGroup;
  /** Absent if nothing is forwarded. */
  readonly forwarder?: ILogGroup;
}

/** Saved queries in CloudWatch → Logs Insights → Queries, in a folder with the stack's name. */
export class Queries extends Construct {
  constructor(scope: Construct, id: string, { stackName, pollers, operator, forwarder }: QueriesProps) {
    super(scope, id);
    for (const { name, fields, filters, stats, sort } of saved) {
      new QueryDefinition(this, name.replace(/[^a-z0-9]/g, ''), {
        queryDefinitionName: `${stackName}/${name}`,
        logGroups: [...pollers],
        queryString: new QueryString({
          ...(fields && { fields: [...fields] }),
          filterStatements: [...filters],
          ...(stats && { statsStatements: [stats] }),
          sort,
        }),
      });
    }
    new QueryDefinition(this, 'requests', {
      queryDefinitionName: `${stackName}/operator requests`,
      logGroups: [operator],
      queryString: new QueryString({
        fields: ['@timestamp', 'level', 'message', 'action', 'instance', 'host', 'askedBy'],
        filterStatements: ['ispresent(level)'],
        sort: newestFirst,
      }),
    });
    if (forwarder === undefined) return;
    new QueryDefinition(this, 'forwarded', {
      queryDefinitionName: `${stackName}/forwarded`,
      logGroups: [forwarder],
      queryString: new QueryString({
        fields: ['@timestamp', 'level', 'message'],
        filterStatements: ['ispresent(level)'],
        sort: newestFirst,
      }),
    });
  }
}
