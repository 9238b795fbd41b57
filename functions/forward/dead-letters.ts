import { text } from '../kit/json.ts';
import { within } from '../kit/pacing.ts';
import { StuckMessageError } from './errors.ts';
import type { DeadLetter, ForwardPorts } from './ports.ts';
import type { Refused } from './queued-artifacts.ts';

/** The time limit, so that a call that hangs does not fail the whole run. */
export const deadLetterMs = 6_000;

interface Sent {
  readonly sent: readonly Refused[];
  /** Says why one of them was not sent. */
  readonly error: StuckMessageError | undefined;
}

/** Sends artifacts to the dead-letter queue, each as a message of its own. */
export async function sendDeadLetters(
  refused: readonly Refused[],
  { deadLetters, clock }: Pick<ForwardPorts, 'deadLetters' | 'clock'>,
): Promise<Sent> {
  const [first] = refused;
  if (first === undefined) return { sent: [], error: undefined };
  try {
    const messages = refused.map(deadLetterOf);
    const results = await within(deadLetterMs, () => deadLetters.send(messages), clock);
    const failed = refused.findIndex((_, i) => !results[i]?.taken);
    const result = results[failed];
    const reason = result?.taken === false ? result.reason : 'no result in the response';
    return {
      sent: refused.filter((_, i) => results[i]?.taken),
      error: failed < 0 ? undefined : stuck(refused[failed] as Refused, reason),
    };
  } catch (error) {
    return { sent: [], error: stuck(first, String(error), { cause: error }) };
  }
}

function stuck({ item }: Refused, reason: string, options?: ErrorOptions): StuckMessageError {
  return new StuckMessageError(`the dead-letter queue rejects ${item.id}: ${reason}`, options);
}

function deadLetterOf({ item, reason }: Refused): DeadLetter {
  const metadata = item.packed?.artifact.metadata;
  const [instance, stream] = [text(metadata, 'instance'), text(metadata, 'stream')];
  return { body: item.body(), reason, ...(instance && { instance }), ...(stream && { stream }) };
}
