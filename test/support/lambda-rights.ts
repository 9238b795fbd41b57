import { resources } from '../../local/aws/template.ts';
import { type Account, arn } from './account.ts';
import { keyAsks } from './aws-calls.ts';
import type { Asked } from './iam-gateway.ts';
import { type Ask, allows } from './policy.ts';

interface FunctionProperties {
  readonly FunctionName: string;
  readonly LoggingConfig: { readonly LogGroup: unknown };
  readonly VpcConfig?: object;
  readonly DeadLetterConfig?: { readonly TargetArn: unknown };
  readonly TracingConfig?: { readonly Mode: string };
}

interface EventSourceProperties {
  readonly FunctionName: unknown;
  readonly EventSourceArn: unknown;
}

interface EventInvokeProperties {
  readonly FunctionName: unknown;
  readonly DestinationConfig?: { readonly OnFailure?: { readonly Destination: unknown } };
}

const networkInterfaces = [
  'ec2:CreateNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
];

/**
 * What Lambda itself does in a function's name, which no stand-in sees: it writes logs, reads a queue that the
 * function consumes, makes network interfaces in a VPC, hands over what failed. Its documentation names these rights.
 */
export function lambdaAsks(account: Account): Asked[] {
  const { template, text } = account;
  const asked: Asked[] = [];
  const ask = (who: string, action: string, resource: string, context: Ask['context'] = {}) => {
    for (const one of [{ action, resource, context }, ...keyAsks({ action, resource, context }, account)])
      asked.push({ ...one, who, allowed: allows(account.roles.get(who) ?? [], one) });
  };
  const handOver = (who: string, target: string) =>
    ask(who, target.includes(':sns:') ? 'sns:Publish' : 'sqs:SendMessage', target);

  for (const definition of resources<FunctionProperties>(template, 'AWS::Lambda::Function')) {
    const who = account.nameOf(definition.logicalId);
    const logGroup = arn('logs', `log-group:${text(definition.LoggingConfig.LogGroup)}:log-stream:`);
    ask(who, 'logs:CreateLogStream', logGroup);
    ask(who, 'logs:PutLogEvents', `${logGroup}2026/01/01/[$LATEST]0`);
    if (definition.VpcConfig !== undefined) for (const action of networkInterfaces) ask(who, action, '*');
    if (definition.DeadLetterConfig !== undefined) handOver(who, text(definition.DeadLetterConfig.TargetArn));
    if (definition.TracingConfig?.Mode === 'Active')
      for (const action of ['xray:PutTraceSegments', 'xray:PutTelemetryRecords']) ask(who, action, '*');
  }
  for (const source of resources<EventSourceProperties>(template, 'AWS::Lambda::EventSourceMapping')) {
    const who = text(source.FunctionName);
    for (const action of ['ReceiveMessage', 'DeleteMessage', 'GetQueueAttributes'])
      ask(who, `sqs:${action}`, text(source.EventSourceArn));
  }
  for (const config of resources<EventInvokeProperties>(template, 'AWS::Lambda::EventInvokeConfig')) {
    const { Destination: destination } = config.DestinationConfig?.OnFailure ?? {};
    if (destination !== undefined) handOver(text(config.FunctionName), text(destination));
  }
  return asked;
}
