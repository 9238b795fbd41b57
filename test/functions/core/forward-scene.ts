import { forward, type Lasting } from '../../../functions/core/forward.ts';
import type { ForwardPorts } from '../../../functions/core/forward-ports.ts';
import type { ReceivedMessage } from '../../../functions/core/parcels.ts';
import { openSession } from '../../../functions/core/session.ts';
import { FakeAnalytics } from '../../fakes/analytics.ts';
import { VirtualClock } from '../../fakes/clock.ts';
import { FakeDeadLetters } from '../../fakes/queue.ts';
import { FakeAcceptedIds, FakeOverflow, FakeSecrets } from '../../fakes/stores.ts';

export const noon = Date.UTC(2026, 2, 1, 12);
const password = 'a-good-password';
export const email = 'collector@example.com';

/** An artifact with an id of this name; `fields` go into its metadata. */
export function artifact(name: string, fields: Record<string, string> = {}) {
  return {
    source: 'sentinelone',
    raw: `{"id":"${name}"}`,
    timestamp: '2026-03-01T11:00:00.000000Z',
    metadata: { id: idOf(name), instance: 'acme', stream: 'threats', recordId: name, ...fields },
  };
}

export const idOf = (name: string) => `acme/threats/${name}@1`;

let serial = 0;

/** A message of artifacts, or with a body of its own, sent a minute before noon. */
export function message(content: readonly unknown[] | string, receives = 1): ReceivedMessage {
  serial += 1;
  const body = typeof content === 'string' ? content : JSON.stringify({ artifacts: content });
  return { id: `message-${serial}`, body, receives, sentAt: noon - 60_000 };
}

/** An Analytics that works, and all that the forwarder needs around it, at noon. */
export function forwardScene() {
  const clock = new VirtualClock(noon, () => 0.5);
  const analytics = new FakeAnalytics(() => clock.now());
  const secrets = new FakeSecrets();
  analytics.users.set(email, password);
  secrets.put('analytics', JSON.stringify({ email, password }));
  const deadLetters = new FakeDeadLetters();
  const accepted = new FakeAcceptedIds();
  const overflow = new FakeOverflow();
  const flaw: ForwardPorts['flaw'] = (one) =>
    (one as { raw?: unknown } | null)?.raw === undefined ? 'it has no raw' : undefined;
  const ports = { analytics, secrets, overflow, deadLetters, accepted, flaw, clock };
  const lasting: Lasting = { session: openSession('analytics', ports), streak: { refused: 0 } };
  return {
    ...ports,
    ports,
    lasting,
    /** One run of a minute. */
    async run(messages: readonly ReceivedMessage[], changes: Partial<ForwardPorts> = {}, requestBytes = 1e6) {
      const startedAt = clock.now();
      const remainingMs = () => startedAt + 60_000 - clock.now();
      const end = forward(messages, { requestBytes }, { ...ports, ...changes }, lasting, remainingMs);
      const { comeBack, outcome } = await clock.runThrough(end);
      return { comeBack: [...comeBack], outcome, tookMs: clock.now() - startedAt };
    },
  };
}

/** Takes longer than any run. */
export async function hang(clock: VirtualClock): Promise<never> {
  await clock.sleep(3_600_000);
  throw new Error('it hangs');
}
