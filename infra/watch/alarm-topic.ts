import { Stack, Validations } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import type { IKey } from 'aws-cdk-lib/aws-kms';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';

interface TopicProps {
  readonly email: string;
  /** The operator's key. */
  readonly key: IKey | undefined;
}

/** The topic that all alarms notify. Subscribe to it to receive them. */
export class AlarmTopic extends Topic {
  constructor(scope: Construct, id: string, { email, key }: TopicProps) {
    super(scope, id, {
      displayName: 'SentinelOne collector',
      enforceSSL: true,
      ...(key && { masterKey: key }),
    });
    if (key === undefined) {
      Validations.of(this).acknowledge({
        id: 'AwsSolutions-SNS2',
        reason:
          'A topic keeps no data, and notifications name the stack and its alarms. Alarms cannot publish with the key that AWS manages for SNS; with the setting keyArn the topic uses that key.',
      });
    }
    this.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal('cloudwatch.amazonaws.com')],
        actions: ['sns:Publish'],
        resources: [this.topicArn],
        conditions: { StringEquals: { 'aws:SourceAccount': Stack.of(scope).account } },
      }),
    );
    if (email !== '') this.addSubscription(new EmailSubscription(email));
  }
}
