import { RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Key } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';

/** The topic that all alarms notify. Subscribe to it to receive them. */
export class AlarmTopic extends Topic {
  constructor(scope: Construct, id: string, { email }: { readonly email: string }) {
    // Alarms cannot publish with the key that AWS manages for SNS.
    const masterKey = new Key(scope, `${id}Key`, {
      description: 'Encrypts the alarms of the SentinelOne collector on their way',
      enableKeyRotation: true,
      // The topic keeps no data, so its key can be deleted.
      removalPolicy: RemovalPolicy.DESTROY,
    });
    super(scope, id, { displayName: 'SentinelOne collector', enforceSSL: true, masterKey });
    const cloudWatch = new ServicePrincipal('cloudwatch.amazonaws.com');
    const here = { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } };
    masterKey.addToResourcePolicy(
      new PolicyStatement({
        principals: [cloudWatch],
        actions: ['kms:Decrypt', 'kms:GenerateDataKey*'],
        resources: ['*'],
        conditions: here,
      }),
    );
    this.addToResourcePolicy(
      new PolicyStatement({
        principals: [cloudWatch],
        actions: ['sns:Publish'],
        resources: [this.topicArn],
        conditions: here,
      }),
    );
    if (email !== '') this.addSubscription(new EmailSubscription(email));
  }
}
