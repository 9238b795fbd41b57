import type { Message } from '../../functions/deliver/packing.ts';
import type { Queue, Refusal } from '../../functions/deliver/ports.ts';
import type { DeadLetter, DeadLetterResult, DeadLetters } from '../../functions/forward/ports.ts';
import { bodyOf } from '../support/artifacts.ts';
import { readMessage } from '../support/schema.ts';

const mebibyte = 1024 * 1024;

/**
 * A queue in memory with SQS's limits: 10 messages and 1 MiB a batch, and characters that it never takes. It throws
 * where an accepted body breaks the schema, which no consumer would see otherwise.
 */
export class FakeQueue implements Queue {
  /** Accepted bodies, oldest first. */
  readonly bodies: string[] = [];

  async send(batch: readonly Message[]): Promise<Refusal[]> {
    const bodies = batch.map(bodyOf);
    const bytes = bodies.reduce((sum, body) => sum + Buffer.byteLength(body), 0);
    if (batch.length > 10 || bytes > mebibyte) throw new Error('BatchRequestTooLong');
    const refusals: Refusal[] = [];
    for (const [i, message] of batch.entries()) {
      const body = bodies[i] ?? '';
      const reason = this.refuses(body);
      if (reason === undefined) this.#accept(body);
      else refusals.push({ message, permanent: true, reason });
    }
    return refusals;
  }

  #accept(body: string): void {
    readMessage(body);
    this.bodies.push(body);
  }

  /** Why a body is never taken; tests may refuse more. */
  refuses(body: string): string | undefined {
    return /[\uFFFE\uFFFF]/.test(body) ? 'InvalidMessageContents' : undefined;
  }
}

/** A dead-letter queue in memory, with SQS's limit of 1 MiB and its characters. */
export class FakeDeadLetters implements DeadLetters {
  readonly letters: DeadLetter[] = [];

  async send(letters: readonly DeadLetter[]): Promise<DeadLetterResult[]> {
    return letters.map((letter) => {
      const reason = this.refuses(letter);
      if (reason !== undefined) return { taken: false, reason };
      this.letters.push(letter);
      return { taken: true };
    });
  }

  /** Why a letter is not taken; tests may refuse more. */
  refuses({ body }: DeadLetter): string | undefined {
    if (Buffer.byteLength(body) > mebibyte) return 'MessageTooLong';
    return /[\uFFFE\uFFFF]/.test(body) ? 'InvalidMessageContents' : undefined;
  }
}
