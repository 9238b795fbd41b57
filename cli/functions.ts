import { InvokeCommand, ResourceNotFoundException, TooManyRequestsException } from '@aws-sdk/client-lambda';
import type { ReplayProgress } from '../functions/collect/replay.ts';
import type { CheckReport } from '../functions/console/check/check.ts';
import type { CheckRequest, ReplayEvent } from '../functions/events.ts';
import { CommandError } from './errors.ts';
import type { Output } from './output.ts';
import type { Stack } from './stack.ts';

/** The function ended without an answer: it was killed, ran out of time, or threw. */
export class FunctionFailedError extends CommandError {}

/** The connection broke before the answer. The function may still be running. */
export class ConnectionLostError extends CommandError {}

/** Invokes the operator function and waits for its answer. */
async function ask<T>(
  stack: Stack,
  request: Omit<CheckRequest, 'askedBy'> | Omit<ReplayEvent, 'askedBy'>,
): Promise<{ readonly answer: T; readonly from: string }> {
  const { operatorFunction: FunctionName } = stack;
  if (FunctionName === undefined) throw older(stack.name);
  const askedBy = await stack.caller();
  const Payload = JSON.stringify({ ...request, askedBy });
  const { FunctionError, Payload: answered } = await stack.operator
    .send(new InvokeCommand({ FunctionName, Payload }))
    .catch((error: unknown) => {
      throw refusal(error, FunctionName);
    });
  const answer = JSON.parse(Buffer.from(answered ?? []).toString() || 'null');
  if (FunctionError === undefined) return { answer, from: FunctionName };
  throw new FunctionFailedError(
    `${FunctionName} failed: ${answer?.errorMessage ?? FunctionError}`,
    'Check its log. If the log is empty, see "No log lines at all" in docs/operations.md.',
  );
}

/** Node's error codes for a connection that ends before the answer. */
const lost = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT']);

function refusal(error: unknown, name: string): unknown {
  if (error instanceof ResourceNotFoundException) return older(name);
  if (error instanceof TooManyRequestsException) {
    return new FunctionFailedError(
      `Lambda has no capacity left for ${name}`,
      "Try again in a minute. If it lasts, raise the account's limit of concurrent executions.",
    );
  }
  const { name: kind, code = '' } = error as NodeJS.ErrnoException;
  if (kind !== 'TimeoutError' && !lost.has(code)) return error;
  return new ConnectionLostError(
    `the connection to ${name} broke`,
    'Try again. A proxy or firewall that ends idle connections must allow at least 5 minutes.',
  );
}

function older(name: string): CommandError {
  return new CommandError(
    `${name} is an older version than this command line`,
    'Deploy the stack again: npm run deploy',
  );
}

/** Tests an instance from Lambda, with the network and the permissions that its polls have: by name, or as a record. */
export async function checkInFunction(
  stack: Stack,
  check: Pick<CheckRequest, 'of' | 'version'>,
  out: Pick<Output, 'progress' | 'clear'>,
): Promise<{ readonly report: CheckReport; readonly from: string }> {
  out.progress('testing from Lambda');
  const { answer, from } = await ask<CheckReport>(stack, { action: 'check', ...check });
  out.clear();
  if (!Array.isArray(answer?.findings)) throw older(from);
  return { report: answer, from };
}

/** Tests a version of a secret with every instance that uses it. The report is that of the first one that fails. */
export async function checkAll(
  stack: Stack,
  ofs: readonly CheckRequest['of'][],
  version: string,
  out: Pick<Output, 'progress' | 'clear'>,
): Promise<{ readonly report: CheckReport; readonly from: string; readonly name: string }> {
  let first: Awaited<ReturnType<typeof checkAll>> | undefined;
  for (const of of ofs) {
    const name = typeof of === 'string' ? of : of.instance;
    const tested = { ...(await checkInFunction(stack, { of, version }, out)), name };
    if (!tested.report.good) return tested;
    first ??= tested;
  }
  if (first === undefined) throw new Error('no instance to test');
  return first;
}

/** Continues a replay for one invocation, which takes up to five minutes. */
export async function replayInFunction(
  stack: Stack,
  replay: Omit<ReplayEvent, 'action' | 'askedBy'>,
): Promise<ReplayProgress> {
  const { answer, from } = await ask<ReplayProgress>(stack, { action: 'replay', ...replay });
  if (typeof answer?.state !== 'string') throw older(from);
  return answer;
}

/** Triggers a poll of each stream and does not wait for it to end. */
export async function pollNow({ lambda, functionOf, streams }: Stack): Promise<void> {
  for (const { name } of streams) {
    await lambda.send(
      new InvokeCommand({ FunctionName: functionOf(name), InvocationType: 'Event', Payload: '{}' }),
    );
  }
}
