import { within } from '../kit/pacing.ts';
import type { ForwardPorts } from './ports.ts';
import type { Posted } from './queued-artifacts.ts';

/** Time limits for the id table, so that a call that hangs does not fail the whole run. */
const lookUpMs = 5_000;
export const markMs = 6_000;

type Table = Pick<ForwardPorts, 'accepted' | 'clock'>;

/** Returns the artifacts that were accepted before. If the table cannot be read, they are posted again, with a warning. */
export async function acceptedBefore(
  items: readonly Posted[],
  { accepted, clock }: Table,
): Promise<{ readonly repeats: ReadonlySet<Posted>; readonly warning?: string }> {
  if (accepted === undefined || items.length === 0) return { repeats: new Set() };
  try {
    const known = await within(lookUpMs, () => accepted.known(items.map(({ id }) => id)), clock);
    return { repeats: new Set(items.filter(({ id }) => known.has(id))) };
  } catch (error) {
    const warning = `the table of accepted ids can't be read, so repeats are posted: ${String(error)}`;
    return { repeats: new Set(), warning };
  }
}

/** Runs only after acceptance, because an id in the table is never posted again. Returns a warning if it fails. */
export async function markAccepted(
  items: readonly Posted[],
  { accepted, clock }: Table,
): Promise<string | undefined> {
  if (accepted === undefined || items.length === 0) return undefined;
  try {
    await within(markMs, () => accepted.mark(items.map(({ id }) => id)), clock);
    return undefined;
  } catch (error) {
    return `the table of accepted ids can't be written, so repeats may be posted: ${String(error)}`;
  }
}
