import {
  Alarm,
  type AlarmBase,
  AlarmRule,
  AlarmState,
  ComparisonOperator,
  CompositeAlarm,
  type IAlarmRule,
} from 'aws-cdk-lib/aws-cloudwatch';
import { SnsAction } from 'aws-cdk-lib/aws-cloudwatch-actions';
import { Construct } from 'constructs';
import type { Settings } from '../settings.ts';
import { AlarmTopic } from './alarm-topic.ts';
import {
  type AlarmsProps,
  auditAlarms,
  type Definition,
  errors,
  instanceAlarms,
  invocations,
  type Notification,
  operationsPage,
  throttles,
} from './definitions.ts';
import { forwarderFails, nothingConsumed, queueAlarms, queueUnread } from './queue-alarms.ts';

/** All alarms, which notify one topic. One cause raises one alarm. */
export class Alarms extends Construct {
  readonly topic: AlarmTopic;
  /** The alarms that notify the topic. */
  readonly notifying: AlarmBase[] = [];
  readonly #settings: Settings;

  constructor(scope: Construct, id: string, props: AlarmsProps) {
    super(scope, id);
    this.#settings = props.settings;
    this.topic = new AlarmTopic(this, 'Topic', { email: props.settings.alarmEmail });
    for (const definition of [
      ...instanceAlarms(props),
      ...auditAlarms(props),
      ...queueAlarms(props),
      ...(props.forwarder === undefined ? [] : [forwarderFails(props)]),
    ]) {
      this.#notify(this.#notifying(definition));
    }
    const unread = this.#notifying(queueUnread(props));
    this.#notify(unread);
    if (props.forwarder === undefined) this.#consumerAlarm(props, unread);
    this.#functionAlarms(props);
  }

  /** Raised if the queue is read, but nothing is deleted. With a forwarder, its own alarm reports this sooner. */
  #consumerAlarm(props: AlarmsProps, unread: Alarm): void {
    this.#combine(
      'queue-stuck',
      AlarmRule.allOf(this.#part(nothingConsumed(props)), AlarmRule.not(raised(unread))),
      'Messages are in the queue, and for more than 24 hours no consumer has deleted one; SQS deletes them after 14 days.',
    );
  }

  /** Not running, throttled and failing are composite alarms over one alarm per function, which show the function. */
  #functionAlarms({ pollers, operator, forwarder }: AlarmsProps): void {
    const part = (definition: Definition) => this.#part(definition);
    const notRun = AlarmRule.anyOf(...pollers.map((poller) => part(invocations(poller))));
    const throttled = AlarmRule.anyOf(...pollers.map((poller) => part(throttles(poller))));
    const failed = [
      ...pollers.map(errors),
      errors({ name: 'operator', function: operator, cadenceMinutes: 5 }),
      ...(forwarder === undefined
        ? []
        : [errors({ name: 'forwarder', function: forwarder, cadenceMinutes: 5 })]),
    ].map(part);
    this.#combine(
      'not-running',
      AlarmRule.allOf(notRun, AlarmRule.not(throttled)),
      'A function has not run for three cycles: its stream is silent for every instance.',
    );
    this.#combine(
      'throttled',
      AlarmRule.allOf(notRun, throttled),
      'A function has not run for three cycles, because Lambda throttles it.',
    );
    this.#combine(
      'function-errors',
      AlarmRule.anyOf(...failed),
      'Two of the last five runs of a function failed or were killed.',
    );
  }

  #part(definition: Definition): IAlarmRule {
    return raised(this.#alarm(definition, 'Part of another alarm; notifies nobody by itself.'));
  }

  #notifying(definition: Notification): Alarm {
    return this.#alarm(definition, this.#description(definition.says, definition.heading));
  }

  #alarm(
    { name, metric, from, periods, breaching = periods, missing }: Definition,
    description: string,
  ): Alarm {
    return new Alarm(this, name, {
      alarmName: this.#named(name),
      alarmDescription: description,
      metric,
      threshold: from,
      comparisonOperator: ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
      evaluationPeriods: periods,
      datapointsToAlarm: breaching,
      treatMissingData: missing,
    });
  }

  #combine(name: string, alarmRule: IAlarmRule, says: string): void {
    const alarmDescription = this.#description(says, name);
    this.#notify(
      new CompositeAlarm(this, name, {
        compositeAlarmName: this.#named(name),
        alarmDescription,
        alarmRule,
      }),
    );
  }

  #notify(alarm: AlarmBase): void {
    alarm.addAlarmAction(new SnsAction(this.topic));
    this.notifying.push(alarm);
  }

  #named(name: string): string {
    return `${this.#settings.stackName}-${name}`;
  }

  #description(says: string, heading: string): string {
    return `${says} What it means, how to look, what to do: ${operationsPage}#${heading}`;
  }
}

const raised = (alarm: Alarm): IAlarmRule => AlarmRule.fromAlarm(alarm, AlarmState.ALARM);
