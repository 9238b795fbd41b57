import { setTimeout as sleep } from 'node:timers/promises';
import { InvokeCommand, ResourceNotFoundException, TooManyRequestsException } from '@aws-sdk/client-lambda';
import type { ReplayProgress, ReplayRequest } from '../functions/collect/replay.ts';
import type { CheckReport, CheckRequest } from '../functions/console/check.ts';
import { streams } from '../functions/streams/list.ts';
import { CommandError } from './errors.ts';
import type { Output } from './output.ts';
import type { Stack } from './stack.ts';

/** The function ended without an answer: it was killed, ran out of time, or threw. */
export class FunctionFailedError extends CommandError {}

/** Longer than any function runs, so a busy function has become free by then. */
const patienceMs = 20 * 60_000;
const turnMs = 2_000;

/** Invokes one of these functions and waits for its answer. It takes the first function that is not polling. */
async function ask<T>(
  stack: Stack,
  among: readonly string[],
  event: object,
  out: Output,
): Promise<{ readonly answer: T; readonly from: string }> {
  const patience = performance.now() + patienceMs;
  for (;;) {
    for (const stream of among) {
      const FunctionName = stack.functionOf(stream);
      try {
        const { FunctionError, Payload } = await stack.lambda.send(
          new InvokeCommand({ FunctionName, Payload: JSON.stringify(event) }),
        );
        const answer = JSON.parse(Buffer.from(Payload ?? []).toString() || 'null');
        if (FunctionError === undefined) return { answer, from: FunctionName };
        throw new FunctionFailedError(
          `${FunctionName} failed: ${answer?.errorMessage ?? FunctionError}`,
          'Check its log. If the log is empty, see "No log lines at all" in docs/operations.md.',
        );
      } catch (error) {
        if (error instanceof ResourceNotFoundException) throw older(FunctionName);
        if (!(error instanceof TooManyRequestsException) || performance.now() > patience) throw error;
      }
    }
    out.progress(`${among.join(', ')}: busy with a poll, waiting`);
    await sleep(turnMs);
  }
}

function older(name: string): CommandError {
  return new CommandError(
    `${name} is an older version than this command line`,
    'Deploy the stack again: npx cdk deploy',
  );
}

/** Tests an instance from Lambda, with the network and the permissions that its polls have. */
export async function checkInFunction(
  stack: Stack,
  check: CheckRequest,
  out: Output,
): Promise<{ readonly report: CheckReport; readonly from: string }> {
  out.progress('testing from Lambda');
  const names = streams.map(({ name }) => name);
  const { answer, from } = await ask<CheckReport>(stack, names, { check }, out);
  out.clear();
  if (!Array.isArray(answer?.findings)) throw older(from);
  return { report: answer, from };
}

/** Continues a replay for one invocation. */
export async function replayInFunction(
  stack: Stack,
  stream: string,
  replay: ReplayRequest & { readonly by: string },
  out: Output,
): Promise<ReplayProgress> {
  const { answer, from } = await ask<ReplayProgress>(stack, [stream], { replay }, out);
  if (typeof answer?.state !== 'string') throw older(from);
  return answer;
}

/** Triggers a poll of each stream and does not wait for it to end. */
export async function pollNow({ lambda, functionOf }: Stack): Promise<void> {
  for (const { name } of streams) {
    await lambda.send(
      new InvokeCommand({ FunctionName: functionOf(name), InvocationType: 'Event', Payload: '{}' }),
    );
  }
}
