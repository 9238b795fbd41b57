import { describe, expect, test } from 'vitest';
import { type Found, notBootstrapped, planOf, type Wanted } from '../../../cli/deploy/plan.ts';

const none = { tables: [], queues: [], buckets: [], logGroups: [] };
const good: Found = {
  account: '111122223333',
  region: 'eu-west-1',
  caller: 'arn:aws:iam::111122223333:user/jo',
  bootstrapVersion: '29',
  stack: undefined,
  concurrency: { unreserved: 1000, held: 0 },
  leftovers: none,
};
const byDefault: Wanted = { stackName: 'Team', functions: 3, reservedConcurrency: 1, isGiven: false };
const denied = Object.assign(new Error('jo may not'), { name: 'AccessDeniedException' });
const last = ({ lines }: ReturnType<typeof planOf>) => lines.at(-1);
const inState = (status: string, ...tables: string[]): Found => ({
  ...good,
  stack: { status, names: {}, template: {} },
  leftovers: { ...none, tables },
});

test('everything that was found has its line', () => {
  expect(planOf(good, byDefault)).toEqual({
    lines: [
      'Account 111122223333, region eu-west-1, as arn:aws:iam::111122223333:user/jo',
      'CDK bootstrap: version 29',
      'Stack Team: new',
      'Reserved concurrency: 1 for each of 3 functions. It takes 103 unreserved, 100 of which must remain, and the account has 1000.',
    ],
    needsBootstrap: false,
    reservedConcurrency: 1,
  });
});

describe('reserved concurrency', () => {
  test.each<[unreserved: number, held: number, each: number, reserved: number | false]>([
    [1000, 0, 1, 1],
    [103, 0, 1, 1],
    [102, 0, 1, false],
    [10, 0, 1, false],
    // The stack holds what it needs already.
    [100, 3, 1, 1],
    [100, 2, 1, false],
    [400, 0, 100, 100],
    [399, 0, 100, false],
  ])('with %i unreserved and %i held, of %i each: %s', (unreserved, held, each, reserved) => {
    const plan = planOf(
      { ...good, concurrency: { unreserved, held } },
      { ...byDefault, reservedConcurrency: each },
    );
    expect(plan.reservedConcurrency).toBe(reserved);
    expect(plan.problem).toBeUndefined();
    expect(last(plan)).toMatch(
      reserved === false ? /: none, because the account cannot spare / : /: \d+ for each/,
    );
    expect(last(plan)).toContain(`It takes ${100 + 3 * each} unreserved`);
    expect(last(plan)).toContain(`the account has ${unreserved + held}.`);
  });

  test.each<[value: unknown, isGiven: boolean, line: string]>([
    [false, false, 'none, as set in cdk.json'],
    [false, true, 'none, as set with -c'],
    [2, true, '2 for each of 3 functions, as set with -c'],
    ['many', true, 'as set with -c'],
    [
      400,
      true,
      '400 for each of 3 functions, as set with -c. Lambda may refuse it. It takes 1300 unreserved, 100 of which must remain, and the account has 1000.',
    ],
  ])('%s, given: %s, is left as it is', (reservedConcurrency, isGiven, line) => {
    const plan = planOf(good, { ...byDefault, reservedConcurrency, isGiven });
    expect(last(plan)).toBe(`Reserved concurrency: ${line}`);
    expect(plan).not.toHaveProperty('reservedConcurrency');
  });
});

test('what may not be read stops nothing and changes nothing', () => {
  const found = { ...good, bootstrapVersion: denied, stack: denied, concurrency: denied, leftovers: denied };
  expect(planOf(found, byDefault)).toEqual({
    lines: [
      expect.stringContaining('Account 111122223333'),
      'CDK bootstrap: not checked (AccessDeniedException)',
      'Stack Team: not checked (AccessDeniedException)',
      'Reserved concurrency: 1 for each of 3 functions, as set in cdk.json; not checked (AccessDeniedException). If Lambda refuses it, use -c reservedConcurrency=false.',
    ],
    needsBootstrap: false,
  });
});

describe('what is in the way', () => {
  test('an account without the bootstrap needs one, and is told the command', () => {
    expect(planOf({ ...good, bootstrapVersion: undefined }, byDefault).needsBootstrap).toBe(true);
    expect(notBootstrapped(good)).toMatchObject({
      message: 'the CDK is not bootstrapped in account 111122223333, region eu-west-1',
      remedy: expect.stringMatching(/: npx cdk bootstrap aws:\/\/111122223333\/eu-west-1$/),
    });
  });

  test('log groups without a stack would make its creation fail', () => {
    const logGroups = ['/aws/lambda/Team-threats'];
    const found = { ...good, leftovers: { ...none, logGroups } };
    expect(planOf(found, byDefault).problem).toMatchObject({
      message: 'the stack is new, but its log groups exist: /aws/lambda/Team-threats',
      remedy: expect.stringContaining('aws logs delete-log-group --log-group-name /aws/lambda/Team-threats'),
    });
    expect(
      planOf({ ...inState('UPDATE_COMPLETE'), leftovers: found.leftovers }, byDefault).problem,
    ).toBeUndefined();
  });

  test('what an earlier stack left is named, with the commands that delete it', () => {
    const leftovers = { tables: ['Team-TablesA'], queues: ['https://q'], buckets: ['team-b'], logGroups: [] };
    const { lines } = planOf({ ...good, leftovers }, byDefault);
    expect(lines.slice(3, -1)).toEqual([
      expect.stringContaining('An earlier stack of this name left these'),
      '    aws dynamodb update-table --table-name Team-TablesA --no-deletion-protection-enabled',
      '    aws dynamodb delete-table --table-name Team-TablesA',
      '    aws sqs delete-queue --queue-url https://q',
      '    aws s3 rb s3://team-b',
    ]);
    expect(planOf({ ...inState('UPDATE_COMPLETE'), leftovers }, byDefault).lines).toHaveLength(4);
  });

  test.each([
    ['DELETE_FAILED', 'aws cloudformation delete-stack --stack-name Team'],
    ['UPDATE_ROLLBACK_FAILED', 'aws cloudformation continue-update-rollback --stack-name Team'],
  ])('a stack in the state %s is told the command', (status, command) => {
    expect(planOf(inState(status), byDefault).problem).toMatchObject({
      message: `the stack Team is in the state ${status} and cannot be deployed`,
      remedy: expect.stringContaining(`then run: ${command}`),
    });
  });

  test.each(['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE', 'REVIEW_IN_PROGRESS'])(
    'a stack in the state %s is deployed',
    (status) => {
      const { lines, problem } = planOf(inState(status, 'not-left'), byDefault);
      expect(problem).toBeUndefined();
      expect(lines[2]).toBe(`Stack Team: ${status}`);
      expect(lines).toHaveLength(4);
    },
  );

  test.each(['ROLLBACK_COMPLETE', 'ROLLBACK_FAILED'])(
    'a stack in the state %s is deployed, and what it leaves is named',
    (status) => {
      const { lines, problem } = planOf(inState(status, 'Team-a'), byDefault);
      expect(problem).toBeUndefined();
      expect(lines.slice(2, -1)).toEqual([
        `Stack Team: ${status}`,
        '  The first deployment failed. The CDK deletes this stack and creates it again.',
        '  An earlier stack of this name left these, and the new one does not use them. To delete them:',
        '    aws dynamodb update-table --table-name Team-a --no-deletion-protection-enabled',
        '    aws dynamodb delete-table --table-name Team-a',
      ]);
      expect(planOf(inState(status), byDefault).lines).toHaveLength(5);
    },
  );
});
