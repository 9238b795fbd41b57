import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { explained } from '../../cli/errors.ts';
import { ended, spawnCli } from '../support/cli.ts';

/** CloudFormation that refuses everything, with the error that its path names. */
let server: Server;
let answer: readonly [status: number, code: string, message: string] = [400, '', ''];
beforeAll(async () => {
  server = createServer((request, response) => {
    const [status, code, message] = answer;
    request.resume();
    response
      .writeHead(status, { 'content-type': 'text/xml' })
      .end(
        `<ErrorResponse><Error><Type>Sender</Type><Code>${code}</Code><Message>${message}</Message></Error></ErrorResponse>`,
      );
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(() => server.close());

const keys = { AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'y' };
const base = { AWS_EC2_METADATA_DISABLED: 'true', HOME: '/nonexistent', AWS_REGION: 'eu-west-1' };

describe('what AWS refuses is a sentence with what to do', () => {
  test.each([
    [
      403,
      'InvalidClientTokenId',
      'The security token included in the request is invalid.',
      /^AWS does not accept these credentials\n→ Check the access key/,
    ],
    [
      403,
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match',
      /^AWS does not accept these credentials\n/,
    ],
    [
      403,
      'SignatureDoesNotMatch',
      'Signature expired: 20260101T000000Z is now earlier than',
      /^AWS does not accept the time of this machine's clock\n/,
    ],
    [
      403,
      'ExpiredToken',
      'The security token included in the request is expired',
      /^the AWS credentials have expired\n→ Sign in again/,
    ],
    [
      403,
      'AccessDenied',
      'User: arn:aws:iam::1:user/jo is not authorized to perform: cloudformation:DescribeStacks',
      /^User: arn:aws:iam::1:user\/jo is not authorized .*\n→ See docs\/cli\.md for the AWS permissions/,
    ],
    [
      400,
      'ValidationError',
      'Stack with id SentinelOneCollector does not exist',
      /^there is no stack SentinelOneCollector in eu-west-1\n→ Deploy it \(npm run deploy\), or choose another with --stack and --region\./,
    ],
    [
      400,
      'ValidationError',
      "1 validation error detected: Value 'a b' at 'stackName' failed to satisfy constraint",
      /^--stack is not a name of a stack\n/,
    ],
    [400, 'Throttling', 'Rate exceeded', /^AWS throttles these calls/],
  ])('%i %s: %s', async (status, code, message, expected) => {
    answer = [status, code, message];
    const AWS_ENDPOINT_URL_CLOUDFORMATION = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const run = await ended(spawnCli(['list'], { ...base, ...keys, AWS_ENDPOINT_URL_CLOUDFORMATION }));
    expect(run).toEqual({ code: 1, out: '', err: expect.stringMatching(expected) });
  });

  test.each([
    [
      'no such profile',
      ['--profile', 'nobody'],
      {},
      /^there is no AWS profile nobody, or it has no credentials\n→ .*aws configure list-profiles/,
    ],
    [
      'nothing listens',
      [],
      { ...keys, AWS_ENDPOINT_URL_CLOUDFORMATION: 'http://127.0.0.1:9' },
      /^the connection was refused\n/,
    ],
    ['a region that is none', ['--region', 'not a region'], keys, /^--region is not an AWS region\n/],
    [
      'a region that does not exist',
      ['--region', 'eu-nowhere-9'],
      keys,
      /^AWS has no address in this region, or this machine cannot resolve names\n→ Check --region/,
    ],
  ])('%s', async (_, args, environment, expected) => {
    const run = await ended(spawnCli(['list', ...args], { ...base, ...environment }));
    expect(run).toEqual({ code: 1, out: '', err: expect.stringMatching(expected) });
  });
});

test('nothing asks for a report of what a user can correct', () => {
  const odd = Object.assign(new Error('something odd'), { name: 'OddException' });
  const { message, remedy } = explained(odd);
  expect(message).toBe('OddException: something odd');
  expect(remedy).toMatch(/^Run this again\. If it persists, report it/);
});
