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

/** Longer than a function may run: somebody's turn has come by then. */
const patienceMs = 20 * 60_000;
const turnMs = 2_000;

/** Asks one of these functions and waits for its answer: whichever is not at a poll. */
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
          'Look at its log; if it says nothing, see "No log lines at all" in docs/operations.md.',
        );
      } catch (error) {
        if (error instanceof ResourceNotFoundException) throw older(FunctionName);
        if (!(error instanceof TooManyRequestsException) || performance.now() > patience) throw error;
      }
    }
    out.progress(`${among.join(', ')}: busy with a poll, waiting for a turn`);
    await sleep(turnMs);
  }
}

function older(name: string): CommandError {
  return new CommandError(
    `${name} does not know what it is asked`,
    'It is older than this command line: deploy it again (npx cdk deploy).',
  );
}

/** Tries an instance from where its polls leave. */
export async function checkInFunction(
  stack: Stack,
  check: CheckRequest,
  out: Output,
): Promise<{ readonly report: CheckReport; readonly from: string }> {
  out.progress('trying it from where polls leave');
  const names = streams.map(({ name }) => name);
  const { answer, from } = await ask<CheckReport>(stack, names, { check }, out);
  out.clear();
  if (!Array.isArray(answer?.findings)) throw older(from);
  return { report: answer, from };
}

/** Goes on with a replay for one invocation. */
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

/** Asks for a poll of each stream at once, and waits for none. */
export async function pollNow({ lambda, functionOf }: Stack): Promise<void> {
  for (const { name } of streams) {
    await lambda.send(
      new InvokeCommand({ FunctionName: functionOf(name), InvocationType: 'Event', Payload: '{}' }),
    );
  }
}
