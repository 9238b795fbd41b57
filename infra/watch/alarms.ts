import { Aws } from 'aws-cdk-lib';
import { Alarm, type AlarmBase, ComparisonOperator } from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Construct } from 'constructs';
import { AlarmTopic } from './alarm-topic.ts';
import {
  type AlarmsProps,
  type Definition,
  instanceAlarms,
  ledgerAlarms,
  notRunning,
  operationsPage,
} from './definitions.ts';
import { firstSteps } from './first-steps.ts';
import { queueAlarms } from './queue-alarms.ts';

/** All alarms. They notify one topic. */
export class Alarms extends Construct {
  readonly topic: AlarmTopic;
  readonly all: AlarmBase[];

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    const { settings, pollers, topicKey } = props;
    this.topic = new AlarmTopic(this, 'Topic', { email: settings.alarmEmail, key: topicKey });
    this.all = [
      ...instanceAlarms(props),
      ...ledgerAlarms(props),
      ...queueAlarms(props),
      ...pollers.map(notRunning),
    ].map((definition) => this.#alarm(definition, settings.stackName));
  }

  #alarm(
    { name, metric, from, periods, breaching = periods, missing, says, heading }: Definition,
    stackName: string,
  ): Alarm {
    const alarm = new Alarm(this, name, {
      alarmName: `${stackName}-${name}`,
      alarmDescription: [
        says,
        firstSteps[heading],
        `Dashboard: ${dashboardUrl(stackName)}`,
        `More: ${operationsPage}#${heading}`,
      ].join(' '),
      metric,
      threshold: from,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: periods,
      datapointsToAlarm: breaching,
      treatMissingData: missing,
    });
    alarm.addAlarmAction(new SnsAction(this.topic));
    return alarm;
  }
}

/** In the partition of most accounts; in the others the console has another name. */
function dashboardUrl(stackName: string): string {
  const at = `https://${Aws.REGION}.console.aws.amazon.com/cloudwatch/home?region=${Aws.REGION}`;
  return `${at}#dashboards/dashboard/${stackName}`;
}
