import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { type ReplayProgress, type ReplayRequest, replayKey } from '../../functions/collect/replay.ts';
import type { State } from '../../functions/errors.ts';
import { type Timestamp, toMs } from '../../functions/kit/time.ts';
import { streams } from '../../functions/streams/list.ts';
import { type CommonOptions, does } from '../command.ts';
import { CommandError, UsageError } from '../errors.ts';
import { FunctionFailedError, replayInFunction } from '../functions.ts';
import { counted, type Output } from '../output.ts';
import { cursorKeys, deleteCursors, listRecords, recordOf } from '../records.ts';
import type { Stack } from '../stack.ts';
import { momentOption } from '../times.ts';

interface ReplayOptions extends CommonOptions {
  readonly stream?: string;
  readonly from?: Timestamp;
  readonly to?: Timestamp;
  readonly resume?: boolean;
}

/** Between two invocations, so that a tick that waits gets its turn. */
const pauseMs = 2_000;
const setbackMs = 5_000;
/** A claim lapses after two and a half minutes. */
const mostClaimed = 40;
const mostFailures = 3;
/** These may be over the next time. */
const passing: ReadonlySet<State> = new Set(['unreachable', 'rate-limited', 'undelivered', 'failed']);

export function replayCommand(program: Command): void {
  const command = program
    .command('replay <name>')
    .summary('collect a past range again')
    .description(
      'Collects a past range of one stream again, beside the running polls and without touching their cursors. The artifacts have the same ids as at first. Threats and agents come as they are now: every one that was created before --to and has changed since --from. What is interrupted goes on where it stopped: repeat the command with the same times, or use --resume.',
    )
    .addOption(new Option('--stream <stream>', 'what to collect').choices(streams.map(({ name }) => name)))
    .option('--from <time>', 'the beginning: 2026-03-01, 2026-03-01T12:00:00Z, or 36h (ago)', momentOption)
    .option('--to <time>', 'the end, which is not part of it', momentOption)
    .option('--resume', 'go on with every replay of this instance that was interrupted');
  does<[string], ReplayOptions>(command, async ({ out, stack: open }, options, name) => {
    const stack = options.resume || complete(options) ? await open() : incomplete();
    recordOf(await listRecords(stack), name);
    const asked = options.resume ? await interrupted(stack, name) : [readOptions(name, options)];
    const done: (Asked & { readonly artifacts: number })[] = [];
    for (const { stream, ...request } of asked) {
      const artifacts = await replayed(stack, stream, request, out);
      done.push({ stream, ...request, artifacts });
    }
    out.answer(done, () =>
      done.length === 0
        ? [`${name} has no replay that was interrupted.`]
        : done.map(
            ({ stream, from, to, artifacts }) =>
              `${stream} of ${name} from ${from} to ${to}: ${counted(artifacts, 'artifact')} delivered again`,
          ),
    );
    return undefined;
  });
}

const complete = ({ stream, from, to }: ReplayOptions) =>
  stream !== undefined && from !== undefined && to !== undefined && from < to;

function incomplete(): never {
  throw new UsageError('replay needs --stream, --from and --to, the earlier time first; or --resume');
}

function readOptions(instance: string, { stream, from, to }: ReplayOptions): Asked {
  if (stream === undefined || from === undefined || to === undefined) return incomplete();
  return { instance, stream, from, to };
}

interface Asked extends ReplayRequest {
  readonly stream: string;
}

/** What is left of replays that did not come to their end. */
async function interrupted(stack: Stack, instance: string): Promise<Asked[]> {
  return (await cursorKeys(stack, instance)).flatMap((key) => {
    const [stream = '', kind, from = '', to = ''] = key.split('#');
    return kind === 'replay' ? [{ instance, stream, from, to }] : [];
  });
}

/** Asks for one invocation after another until all is delivered; answers how many artifacts that are. */
async function replayed(stack: Stack, stream: string, request: ReplayRequest, out: Output): Promise<number> {
  const by = randomUUID();
  const { instance } = request;
  const what = `${stream} of ${instance}`;
  let claimed = 0;
  let failures = 0;
  for (;;) {
    const progress = await step(stack, stream, { ...request, by }, out);
    const { state, artifacts, position, error } = progress;
    if (state === 'done') {
      await deleteCursors(stack, instance, replayKey(stream, request));
      return artifacts;
    }
    claimed = state === 'claimed' ? claimed + 1 : 0;
    failures = state === 'failed' ? failures + 1 : 0;
    if (claimed > mostClaimed)
      throw new CommandError('another command is at this replay', 'Let it come to its end, or end it.');
    if (failures >= mostFailures || (error !== undefined && !passing.has(error.state)))
      throw new CommandError(
        `the replay of ${what} stopped at ${position}, after ${artifacts} artifacts: ${error?.message}`,
        `${error?.remedy} Then go on: replay ${instance} --resume`,
      );
    out.progress(
      state === 'claimed'
        ? `${what}: another command was at it; its claim lapses in two and a half minutes`
        : `${what}: ${artifacts} artifacts, at ${position} (${percent(stream, position, request)})`,
    );
    await sleep(state === 'more' ? pauseMs : setbackMs);
  }
}

/** One invocation. A function that was killed has delivered and committed something; the next one goes on behind it. */
async function step(
  stack: Stack,
  stream: string,
  request: ReplayRequest & { readonly by: string },
  out: Output,
): Promise<ReplayProgress> {
  try {
    return await replayInFunction(stack, stream, request, out);
  } catch (error) {
    if (!(error instanceof FunctionFailedError)) throw error;
    const { message, remedy } = error;
    return {
      state: 'failed',
      artifacts: 0,
      position: request.from,
      error: { state: 'unreachable', message, remedy },
    };
  }
}

/** Records that have versions are read up to now: those that changed since are there. */
function percent(stream: string, position: Timestamp, { from, to }: ReplayRequest): string {
  const isAppended = streams.find(({ name }) => name === stream)?.orderedBy === 'createdAt';
  const end = isAppended ? toMs(to) : Date.now();
  const share = (toMs(position) - toMs(from)) / (end - toMs(from));
  return `${Math.min(99, Math.max(0, Math.floor(share * 100)))} %`;
}
