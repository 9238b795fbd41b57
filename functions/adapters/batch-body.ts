import { bodyParts, type Message } from '../core/packing.ts';

/**
 * The JSON of a SendMessageBatch request.
 * @param entries by message, all but its body
 */
export function bodyOfBatch(QueueUrl: string, entries: readonly object[], batch: readonly Message[]): Buffer {
  const { head, between, tail } = bodyParts;
  const sheet = new Sheet(batch);
  sheet.write(`{"QueueUrl":${JSON.stringify(QueueUrl)},"Entries":[`);
  for (const [i, { artifacts }] of batch.entries()) {
    sheet.write(`${i > 0 ? ',' : ''}${JSON.stringify(entries[i]).slice(0, -1)},"MessageBody":"`);
    sheet.writeWithin(head);
    for (const [j, { json }] of artifacts.entries()) sheet.writeWithin(j > 0 ? between + json : json);
    sheet.writeWithin(tail);
    sheet.write('"}');
  }
  sheet.write(']}');
  return sheet.written();
}

const [quote, backslash] = [0x22, 0x5c];

/** UTF-8 on its way into one buffer. */
class Sheet {
  readonly #bytes: Buffer;
  /** Where a text is before its quotes are told from those around it. */
  readonly #draft: Buffer;
  #length = 0;

  constructor(batch: readonly Message[]) {
    const bytes = batch.reduce((sum, message) => sum + message.bytes, 0);
    const longest = Math.max(...batch.flatMap(({ artifacts }) => artifacts.map((one) => one.bytes)));
    // At most each byte is escaped; the rest is for what is around the bodies.
    this.#bytes = Buffer.allocUnsafe(2 * bytes + batch.length * 1024 + 4096);
    this.#draft = Buffer.allocUnsafe(longest + 64);
  }

  write(text: string): void {
    this.#length += this.#bytes.write(text, this.#length);
  }

  /** JSON as a text within JSON: it has no control characters, so that only quotes and backslashes are escaped. */
  writeWithin(json: string): void {
    const bytes = this.#bytes;
    const draft = this.#draft;
    const length = whole(draft.write(json), draft);
    let at = this.#length;
    for (let i = 0; i < length; i++) {
      const byte = draft[i] as number;
      if (byte === quote || byte === backslash) bytes[at++] = backslash;
      bytes[at++] = byte;
    }
    this.#length = at;
  }

  written(): Buffer {
    return this.#bytes.subarray(0, whole(this.#length, this.#bytes));
  }
}

/** A buffer takes what fits and says nothing: where it is full, something may be missing. */
function whole(length: number, buffer: Buffer): number {
  if (length > buffer.length - 4) throw new Error('a message is larger than was reckoned');
  return length;
}
