import { randomUUID } from 'node:crypto';
import { setInterval, setTimeout as sleep } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { type ReplayProgress, type ReplayRequest, replayKey } from '../../functions/collect/replay.ts';
import type { State } from '../../functions/errors.ts';
import { type Timestamp, toMs } from '../../functions/kit/time.ts';
import { streams } from '../../functions/streams/list.ts';
import { type CommonOptions, does } from '../command.ts';
import { CommandError, UsageError } from '../errors.ts';
import { ConnectionLostError, FunctionFailedError, replayInFunction } from '../functions.ts';
import { counted, type Output } from '../output.ts';
import { listRecords, recordOf } from '../records.ts';
import type { Stack } from '../stack.ts';
import { momentOption } from '../times.ts';

interface ReplayOptions extends CommonOptions {
  readonly stream?: string;
  readonly from?: Timestamp;
  readonly to?: Timestamp;
  readonly resume?: boolean;
}

/** The pause between two progress lines, and before an invocation that made no progress is repeated. */
const pauseMs = 5_000;
/** An abandoned lock expires after 150 s. */
const mostClaimed = 40;
/** After a lost connection, the invocation may still run for five minutes. */
const mostClaimedAfterLoss = 100;
const mostFailures = 3;
/** States that are retried, because they can pass. */
const passing: ReadonlySet<State> = new Set(['unreachable', 'rate-limited', 'undelivered', 'failed']);

export function replay(command: Command): void {
  command
    .description(
      'Collects a past time range of one stream again, without affecting live polling. The artifacts have the same ids as before. Threats and agents are collected in their current version: all that were created before --to and have changed since --from. To resume an interrupted replay, repeat the command with the same times, or use --resume.',
    )
    .addOption(new Option('--stream <stream>', 'stream to collect').choices(streams.map(({ name }) => name)))
    .option('--from <time>', 'start time: 2026-03-01, 2026-03-01T12:00:00Z, or 36h (ago)', momentOption)
    .option('--to <time>', 'end time (exclusive)', momentOption)
    .option('--resume', 'resume all interrupted replays of this instance');
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
        ? [`${name} has no interrupted replay.`]
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
  throw new UsageError('replay needs --stream, --from and --to (--from before --to), or --resume');
}

function readOptions(instance: string, { stream, from, to }: ReplayOptions): Asked {
  if (stream === undefined || from === undefined || to === undefined) return incomplete();
  return { instance, stream, from, to };
}

interface Asked extends ReplayRequest {
  readonly stream: string;
}

/** The replays that were interrupted: their cursor items still exist. */
async function interrupted(stack: Stack, instance: string): Promise<Asked[]> {
  return (await stack.cursors.keysOf(instance)).flatMap((key) => {
    const [stream = '', kind, from = '', to = ''] = key.split('#');
    return kind === 'replay' ? [{ instance, stream, from, to }] : [];
  });
}

/** Invokes the function until the range is delivered. Returns the number of artifacts. */
async function replayed(stack: Stack, stream: string, request: ReplayRequest, out: Output): Promise<number> {
  const { instance } = request;
  const key = replayKey(stream, request);
  const what = `${stream} of ${instance}`;
  const show = (artifacts: number, position: Timestamp) =>
    out.progress(`${what}: ${artifacts} artifacts, at ${position} (${percent(stream, position, request)})`);
  let by = randomUUID();
  let patience = mostClaimed;
  let claimed = 0;
  let failures = 0;
  for (;;) {
    const invoked = invocation(stack, { ...request, stream, by });
    const progress = await watched(invoked, async () => {
      const [{ lastCount = 0, position } = {}] = await stack.cursors.status([{ instance, stream: key }]);
      return () => position !== undefined && show(lastCount, position);
    });
    const { state, artifacts, position, error } = progress;
    if (state === 'done') {
      await stack.cursors.delete({ instance, stream: key });
      return artifacts;
    }
    claimed = state === 'claimed' ? claimed + 1 : 0;
    failures = state === 'failed' ? failures + 1 : 0;
    if (state === 'lost') {
      // That invocation may still be running, so the next one must not share its lock.
      by = randomUUID();
      patience = mostClaimedAfterLoss;
    }
    if (claimed > patience)
      throw new CommandError('this replay is already running', 'Wait until it ends, or stop it.');
    if (failures >= mostFailures || (error !== undefined && !passing.has(error.state)))
      throw new CommandError(
        `the replay of ${what} stopped at ${position}, after ${artifacts} artifacts: ${error?.message}`,
        `${error?.remedy} Then run: collector replay ${instance} --resume`,
      );
    if (state === 'claimed')
      out.progress(`${what}: locked by another command; an abandoned lock expires after 150 s`);
    else if (state === 'more') show(artifacts, position);
    if (state !== 'more') await sleep(pauseMs);
  }
}

type Progress = ReplayProgress | (Omit<ReplayProgress, 'state'> & { readonly state: 'lost' });

/** Makes one invocation. If the function was killed, the next invocation resumes from the last commit. */
async function invocation(stack: Stack, request: Parameters<typeof replayInFunction>[1]): Promise<Progress> {
  try {
    return await replayInFunction(stack, request);
  } catch (error) {
    const nothing = { artifacts: 0, position: request.from };
    if (error instanceof ConnectionLostError) return { state: 'lost', ...nothing };
    if (!(error instanceof FunctionFailedError)) throw error;
    const { message, remedy } = error;
    return { state: 'failed', ...nothing, error: { state: 'unreachable', message, remedy } };
  }
}

/** Shows the progress every few seconds while the work goes on. Progress that cannot be read is not shown. */
async function watched<T>(work: Promise<T>, look: () => Promise<() => void>): Promise<T> {
  const ended = new AbortController();
  const watch = async () => {
    for await (const _ of setInterval(pauseMs, undefined, { signal: ended.signal })) {
      const show = await look();
      if (!ended.signal.aborted) show();
    }
  };
  watch().catch(() => undefined);
  try {
    return await work;
  } finally {
    ended.abort();
  }
}

/** Threats and agents are read up to now, because a change since --to moves a record there. */
function percent(stream: string, position: Timestamp, { from, to }: ReplayRequest): string {
  const isAppended = streams.find(({ name }) => name === stream)?.orderedBy === 'createdAt';
  const end = isAppended ? toMs(to) : Date.now();
  const share = (toMs(position) - toMs(from)) / (end - toMs(from));
  return `${Math.min(99, Math.max(0, Math.floor(share * 100)))} %`;
}
