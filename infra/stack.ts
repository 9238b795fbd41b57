import { CfnOutput, Stack } from 'aws-cdk-lib';
import { Code } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { rulesText } from '../functions/health/rules.ts';
import type { Stream } from '../functions/streams/stream.ts';
import { Forwarder } from './functions/forwarder.ts';
import { version } from './functions/function.ts';
import { Operator } from './functions/operator.ts';
import { Poller } from './functions/poller.ts';
import { Widget } from './functions/widget.ts';
import type { Settings } from './settings.ts';
import { Artifacts } from './storage/artifacts.ts';
import { encryptionOf } from './storage/encryption.ts';
import { Tables } from './storage/tables.ts';
import { Alarms } from './watch/alarms.ts';
import { Dashboard } from './watch/dashboard.ts';
import { Queries } from './watch/queries.ts';

interface CollectorProps {
  readonly settings: Settings;
  readonly streams: readonly Stream[];
  /** A folder with the bundled functions, such as `poller.mjs`, which export `handler`. */
  readonly code: string;
}

/** All resources, in the account and region of the credentials. */
export class CollectorStack extends Stack {
  constructor(scope: Construct, { settings, streams, code }: CollectorProps) {
    super(scope, settings.stackName, {
      description: `Collects SentinelOne ${streams.map(({ name }) => name).join(', ')} for WitFoo Analytics`,
    });
    const asset = Code.fromAsset(code);
    const encryption = encryptionOf(this, settings);
    const { instances, cursors, ledger } = new Tables(this, 'Tables', encryption);
    const { queue, deadLetterQueue, overflow } = new Artifacts(this, 'Artifacts', encryption);
    const shared = { settings, encryption, code: asset, instances, cursors, queue, overflow };
    const pollers = streams.map((stream) => {
      const { function: poller, logGroup } = new Poller(this, stream.name, { stream, ledger, ...shared });
      return { ...stream, function: poller, logGroup };
    });
    const operator = new Operator(this, 'Operator', shared);
    const { analyticsUrl } = settings;
    const forwarder =
      analyticsUrl === undefined
        ? undefined
        : new Forwarder(this, 'Forwarder', { ...shared, ledger, analyticsUrl, deadLetterQueue });
    const { all: alarms, topic } = new Alarms(this, 'Alarms', {
      settings,
      pollers,
      queue,
      deadLetterQueue,
      forwards: forwarder !== undefined,
      topicKey: encryption.logKey,
    });
    new Queries(this, 'Queries', {
      stackName: settings.stackName,
      pollers: pollers.map(({ logGroup }) => logGroup),
      operator: operator.logGroup,
      ...(forwarder && { forwarder: forwarder.logGroup }),
    });
    new Dashboard(this, 'Dashboard', {
      settings,
      streams: streams.map(({ name }) => name),
      tiles: new Widget(this, 'Tiles', shared).function,
      functions: [
        ...pollers,
        { name: 'operator', function: operator.function, logGroup: operator.logGroup },
        ...(forwarder
          ? [{ name: 'forwarder', function: forwarder.function, logGroup: forwarder.logGroup }]
          : []),
      ],
      forwards: forwarder !== undefined,
      queue,
      deadLetterQueue,
      tables: [instances, cursors, ledger],
      alarms,
    });

    // Operators and consumers depend on these names.
    const output = (name: string, description: string, value: string) =>
      new CfnOutput(this, name, { description, value });
    output('InstancesTableName', 'Instances: one item per console connection', instances.tableName);
    output('CursorsTableName', 'Position and status of each stream of each instance', cursors.tableName);
    output('LedgerTableName', 'Number of records of each hour, at each place', ledger.tableName);
    output('ArtifactQueueUrl', 'Queue of the artifacts, for consumers', queue.queueUrl);
    output('ArtifactQueueArn', 'ARN of that queue, for permissions of consumers', queue.queueArn);
    output('ArtifactDeadLetterQueueUrl', 'Messages that no consumer could process', deadLetterQueue.queueUrl);
    output('OperatorFunctionName', 'Function that answers the command line', operator.function.functionName);
    output('OverflowBucketName', 'Records that are too large for a message', overflow.bucketName);
    output(
      'HealthRules',
      'Settings that the command line needs to judge health',
      rulesText({ ...settings, forwards: forwarder !== undefined }),
    );
    output('Version', 'Of the collector', version);
    output('AlarmTopicArn', 'Topic that all alarms notify', topic.topicArn);
  }
}
