import { type AcceptedHour, countsAccepted } from '../health/receipt.ts';
import { within } from '../kit/pacing.ts';
import { timestamp } from '../kit/time.ts';
import { streams } from '../streams/list.ts';
import type { ForwardPorts } from './ports.ts';
import type { Posted, ReceivedMessage } from './queued-artifacts.ts';

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

const countedStreams = streams.filter(countsAccepted).map(({ name }) => name);

const keyOf = ({ instance, stream, hour }: Omit<AcceptedHour, 'accepted'>) => `${instance} ${stream} ${hour}`;

/** Adds accepted artifacts to these hours. A message that comes again is counted then. */
export function acceptedHours(
  before: readonly AcceptedHour[],
  items: readonly Posted[],
  toRetry: ReadonlySet<ReceivedMessage>,
): AcceptedHour[] {
  const hours = new Map(before.map((one) => [keyOf(one), one]));
  for (const { packed, messages } of items) {
    const { metadata, timestamp: at } = packed.artifact;
    const [instance, stream, time] = [String(metadata.instance), String(metadata.stream), timestamp(at)];
    if (time === undefined || !countedStreams.includes(stream)) continue;
    const of = { instance, stream, hour: `${time.slice(0, 13)}:00:00.000000Z` };
    const copies = messages.filter((message) => !toRetry.has(message)).length;
    const accepted = (hours.get(keyOf(of))?.accepted ?? 0) + copies;
    if (accepted > 0) hours.set(keyOf(of), { ...of, accepted });
  }
  return [...hours.values()];
}

/** Counts accepted artifacts in the ledger. Returns what could not be counted, for the next run. */
export async function countAccepted(
  hours: readonly AcceptedHour[],
  { ledger, clock }: Pick<ForwardPorts, 'ledger' | 'clock'>,
): Promise<{ readonly left: readonly AcceptedHour[]; readonly warning?: string }> {
  if (hours.length === 0) return { left: [] };
  const left = new Set(hours);
  const added = (some: readonly AcceptedHour[]) => {
    for (const one of some) left.delete(one);
  };
  try {
    await within(markMs, () => ledger.add(hours, added), clock);
    return { left: [] };
  } catch (error) {
    const warning = `the ledger can't be written, so the next run counts: ${String(error)}`;
    return { left: [...left], warning };
  }
}
