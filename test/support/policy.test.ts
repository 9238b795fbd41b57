import { describe, expect, test } from 'vitest';
import { type Ask, allows, denies, type Statement } from './policy.ts';
import { unneeded } from './reduced-roles.ts';

const statement = (more: Partial<Statement> = {}): Statement => ({
  effect: 'Allow',
  actions: ['sqs:SendMessage'],
  resources: ['arn:aws:sqs:us-east-1:000000000000:Queue'],
  conditions: [],
  ...more,
});
const ask = (more: Partial<Ask> = {}): Ask => ({
  action: 'sqs:SendMessage',
  resource: 'arn:aws:sqs:us-east-1:000000000000:Queue',
  context: {},
  ...more,
});

describe('a policy', () => {
  test('allows nothing that no statement allows', () => {
    expect(allows([], ask())).toBe(false);
    expect(allows([statement()], ask())).toBe(true);
    expect(allows([statement()], ask({ action: 'sqs:ReceiveMessage' }))).toBe(false);
    expect(allows([statement()], ask({ resource: 'arn:aws:sqs:us-east-1:000000000000:Queue2' }))).toBe(false);
  });

  test('denies what one statement denies, whatever others allow', () => {
    const denial = statement({ effect: 'Deny', actions: ['sqs:*'] });
    expect(allows([statement(), denial], ask())).toBe(false);
    expect(denies([denial], ask())).toBe(true);
    expect(denies([statement()], ask())).toBe(false);
  });

  test.each([
    ['sqs:*', 'sqs:SendMessage', true],
    ['SQS:sendmessage', 'sqs:SendMessage', true],
    ['sqs:Send*', 'sqs:ReceiveMessage', false],
    ['s?s:SendMessage', 'sqs:SendMessage', true],
    ['sqs.SendMessage', 'sqs:SendMessage', false],
  ])('takes %s for an action as IAM does: %s is %s', (action, asked, expected) => {
    expect(allows([statement({ actions: [action] })], ask({ action: asked }))).toBe(expected);
  });

  test.each([
    ['arn:aws:s3:::bucket/*', 'arn:aws:s3:::bucket/a/b/c', true],
    ['arn:aws:s3:::bucket/*', 'arn:aws:s3:::bucket', false],
    ['arn:aws:s3:::Bucket/*', 'arn:aws:s3:::bucket/a', false],
    ['*', 'arn:aws:s3:::bucket', true],
    ['arn:aws:s3:::bucket.x/*', 'arn:aws:s3:::bucket-x/a', false],
  ])('takes %s for a resource as IAM does: %s is %s', (resource, asked, expected) => {
    expect(allows([statement({ resources: [resource] })], ask({ resource: asked }))).toBe(expected);
  });

  const key = 'dynamodb:LeadingKeys';
  test.each<[string, readonly string[], readonly string[], boolean]>([
    ['StringEquals', ['a', 'b'], ['b'], true],
    ['StringEquals', ['a'], ['b'], false],
    ['StringEquals', ['a'], [], false],
    ['StringEqualsIfExists', ['a'], [], true],
    ['StringNotEquals', ['a'], ['b'], true],
    ['StringNotEquals', ['a', 'b'], ['b'], false],
    ['StringNotEquals', ['a'], [], true],
    ['StringLike', ['team/*'], ['team/one'], true],
    ['ForAllValues:StringEquals', ['#analytics'], ['#analytics', '#analytics'], true],
    ['ForAllValues:StringEquals', ['#analytics'], ['#analytics', 'acme'], false],
    ['ForAllValues:StringEquals', ['#analytics'], [], true],
    ['ForAnyValue:StringEquals', ['a'], ['b', 'a'], true],
    ['ForAnyValue:StringEquals', ['a'], [], false],
    ['Bool', ['false'], ['true'], false],
    ['NumericLessThan', ['1.2'], ['1.3'], false],
    ['NumericLessThan', ['1.2'], ['1.1'], true],
  ])('with %s %j finds that %j is %s', (operator, values, found, expected) => {
    const conditions = [{ operator, key, values }];
    expect(allows([statement({ conditions })], ask({ context: { [key]: found } }))).toBe(expected);
  });

  test('is not judged by guesses: an unknown operator or condition key is an error', () => {
    const unknownKey = [{ operator: 'StringEquals', key: 'aws:SourceVpce', values: ['x'] }];
    expect(() => allows([statement({ conditions: unknownKey })], ask())).toThrow('aws:SourceVpce');
    const unknownOperator = [{ operator: 'DateLessThan', key, values: ['x'] }];
    expect(() =>
      allows([statement({ conditions: unknownOperator })], ask({ context: { [key]: ['x'] } })),
    ).toThrow('DateLessThan');
  });
});

describe('what no call needs', () => {
  test('is a statement, an action or a resource that could be left out', () => {
    const spare = statement({
      actions: ['sqs:SendMessage', 'sqs:DeleteMessage'],
      resources: [...statement().resources, 'arn:aws:sqs:us-east-1:000000000000:Other'],
    });
    expect(unneeded([spare], [ask()])).toEqual([
      expect.stringMatching(/^Allow sqs:DeleteMessage on .*:Queue, .*:Other$/),
      expect.stringMatching(/^Allow sqs:SendMessage, sqs:DeleteMessage on [^,]*:Other$/),
    ]);
    expect(unneeded([statement()], [ask()])).toEqual([]);
    expect(unneeded([statement(), statement()], [ask()])).not.toEqual([]);
    expect(unneeded([statement()], [])).not.toEqual([]);
  });
});
