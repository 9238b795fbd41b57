import { changeArtifact } from '../deliver/change.ts';
import { type DeliveryPorts, deliver } from '../deliver/deliver.ts';
import { changeOf, changeStream } from '../health/history.ts';
import type { Change, Status } from '../health/status.ts';
import { within } from '../kit/pacing.ts';
import { claimMs } from './bounds/times.ts';
import type { StoredCursor } from './cursor.ts';
import type { Claim, Cursors, Ledger } from './ports.ts';
import type { Settings } from './settings.ts';

export interface ChangePorts extends DeliveryPorts {
  readonly cursors: Cursors;
  readonly ledger: Ledger;
  /** Called for a change of state. `problem` says why it is not in the history or the queue yet. */
  readonly reportChange: (change: Change, problem?: unknown) => void;
}

/** What a turn leaves. */
interface TurnEnd {
  readonly claim: Claim;
  /** As it was when the turn began. */
  readonly before: Partial<Status>;
  readonly status: Partial<Status>;
  /** Undefined leaves the stored cursor unchanged. */
  readonly cursor: StoredCursor | undefined;
  /** Of the console, if it is known. */
  readonly host: string | undefined;
}

/** So long the reports of a turn may take. The turn is saved before. */
const reportMs = 3_000;

/** With more, the oldest are dropped. The log has them. */
const mostUnreported = 10;

/**
 * Saves what a turn leaves and releases its claim. A change of state is saved with it, and removed once it is in the
 * history and the queue: after a kill or an error the next poll reports it again. It never fails the poll.
 */
export async function saveEnd(
  { claim, before, cursor, host, ...end }: TurnEnd,
  { healthArtifacts, messageBytes }: Pick<Settings, 'healthArtifacts' | 'messageBytes'>,
  ports: ChangePorts,
): Promise<void> {
  const { cursors, ledger, clock, reportChange } = ports;
  const { unreported: _, ...status } = end.status;
  const change = changeOf(claim, before, status, clock.now());
  const earlier = Array.isArray(before.unreported) ? before.unreported : [];
  const changes: readonly Change[] = [...earlier, ...(change ? [change] : [])].slice(-mostUnreported);
  const first = { ...(cursor && { cursor }), status };
  if (changes.length === 0) return cursors.save(claim, { ...first, claimUntil: undefined });
  const withChanges = { ...first, status: { ...status, unreported: changes } };
  await cursors.save(claim, { ...withChanges, claimUntil: clock.now() + claimMs });
  const left: Change[] = [];
  const endsAt = clock.now() + reportMs;
  for (const one of changes) {
    const reported = async () => {
      await ledger.append(one);
      if (!healthArtifacts) return;
      const key = { instance: claim.instance, stream: changeStream };
      await deliver(
        [changeArtifact(one, host)],
        { key, messageBytes, remainingMs: () => endsAt - clock.now() },
        ports,
      );
    };
    const problem = await within(endsAt - clock.now(), reported, clock).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (problem !== undefined) left.push(one);
    if (problem === undefined || one === change) reportChange(one, problem);
  }
  const after = left.length > 0 ? { ...status, unreported: left } : status;
  // What is not saved here is reported again.
  await cursors
    .save(claim, { status: after, claimUntil: undefined })
    .catch(() => cursors.save(claim, { claimUntil: undefined }))
    .catch(() => {});
}
