import { CfnOutput, Stack } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import { QueryDefinition, QueryString } from 'aws-cdk-lib/aws-logs';
import type { Construct } from 'constructs';
import { Artifacts } from './artifacts.ts';
import { Forwarder } from './forwarder.ts';
import { Poller, type Stream } from './poller.ts';
import type { Settings } from './settings.ts';
import { Tables } from './tables.ts';

interface CollectorProps {
  readonly settings: Settings;
  readonly streams: readonly Stream[];
  /** The folder with the functions' code: `poller.mjs` and `forwarder.mjs`, which export `handler`. */
  readonly code: string;
}

/** All that is deployed, in whichever account and region the credentials are of. */
export class CollectorStack extends Stack {
  constructor(scope: Construct, { settings, streams, code }: CollectorProps) {
    super(scope, settings.stackName, {
      description: `Collects SentinelOne ${streams.map(({ name }) => name).join(', ')} for WitFoo Analytics`,
    });
    const asset = Code.fromAsset(code);
    const { instances, cursors } = new Tables(this, 'Tables');
    const { queue, deadLetterQueue, overflow } = new Artifacts(this, 'Artifacts', settings);
    const pollers = streams.map(
      (stream) =>
        new Poller(this, stream.name, { stream, settings, code: asset, instances, cursors, queue, overflow }),
    );
    const { analyticsUrl } = settings;
    if (analyticsUrl !== undefined) {
      const reach = { queue, deadLetterQueue, overflow, cursors };
      new Forwarder(this, 'Forwarder', { analyticsUrl, settings, code: asset, ...reach });
    }
    new QueryDefinition(this, 'FetchedQuery', {
      queryDefinitionName: `${settings.stackName}/fetched`,
      logGroups: pollers.map(({ logGroup }) => logGroup),
      queryString: fetched,
    });

    // The contract with operators and consumers: these names stay.
    const output = (name: string, description: string, value: string) =>
      new CfnOutput(this, name, { description, value });
    output('InstancesTableName', 'Console connections: one item each', instances.tableName);
    output('CursorsTableName', 'How far each stream of each instance is, and its status', cursors.tableName);
    output('ArtifactQueueUrl', 'Consumers receive artifacts here', queue.queueUrl);
    output('ArtifactQueueArn', 'What a consumer is granted to receive from', queue.queueArn);
    output('ArtifactDeadLetterQueueUrl', 'What no consumer could take', deadLetterQueue.queueUrl);
    output('OverflowBucketName', 'Records that are too large for a message', overflow.bucketName);
  }
}

const fetched = new QueryString({
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
  filterStatements: ['message like /^sentinelone: fetched/'],
  sort: '@timestamp desc',
});
