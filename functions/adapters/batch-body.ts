import { bodyParts, type Message } from '../deliver/packing.ts';

/** SQS: the messages of one batch in all; so large may one artifact be, too. */
const largestBatch = 1024 * 1024;

/** Printing is not interrupted, so one is enough. */
const draft = Buffer.allocUnsafe(largestBatch + 4);

/**
 * The JSON of a SendMessageBatch request, for as long as `use` takes.
 * @param entries by message, all but its body
 */
export async function withBatchBody<T>(
  QueueUrl: string,
  entries: readonly object[],
  batch: readonly Message[],
  use: (body: Uint8Array) => Promise<T>,
): Promise<T> {
  const sheet = sheets.pop() ?? new Sheet();
  try {
    print(sheet, QueueUrl, entries, batch);
    return await use(sheet.written());
  } finally {
    sheets.push(sheet);
  }
}

function print(sheet: Sheet, QueueUrl: string, entries: readonly object[], batch: readonly Message[]): void {
  const { head, between, tail } = bodyParts;
  sheet.clear();
  sheet.write(`{"QueueUrl":${JSON.stringify(QueueUrl)},"Entries":[`);
  for (const [i, { artifacts }] of batch.entries()) {
    sheet.write(`${i > 0 ? ',' : ''}${JSON.stringify(entries[i]).slice(0, -1)},"MessageBody":"`);
    sheet.writeWithin(head);
    for (const [j, { json }] of artifacts.entries()) sheet.writeWithin(j > 0 ? between + json : json);
    sheet.writeWithin(tail);
    sheet.write('"}');
  }
  sheet.write(']}');
}

const [quote, backslash] = [0x22, 0x5c];

/** UTF-8 on its way into one buffer. */
class Sheet {
  /** At most each byte is escaped; the rest is for what is around the bodies. */
  readonly #bytes = Buffer.allocUnsafe(2 * largestBatch + 16 * 1024);
  #length = 0;

  clear(): void {
    this.#length = 0;
  }

  write(text: string): void {
    this.#length += this.#bytes.write(text, this.#length);
  }

  /** JSON as a text within JSON: it has no control characters, so that only quotes and backslashes are escaped. */
  writeWithin(json: string): void {
    const bytes = this.#bytes;
    const length = whole(draft.write(json), draft);
    let at = this.#length;
    for (let i = 0; i < length; i++) {
      const byte = draft[i] as number;
      if (byte === quote || byte === backslash) bytes[at++] = backslash;
      bytes[at++] = byte;
    }
    this.#length = at;
  }

  written(): Uint8Array {
    return this.#bytes.subarray(0, whole(this.#length, this.#bytes));
  }
}

/** Used again: as garbage they would be most of what a long catch-up leaves. */
const sheets: Sheet[] = [];

/** A buffer takes what fits and says nothing: where it is full, something may be missing. */
function whole(length: number, buffer: Buffer): number {
  if (length > buffer.length - 4) throw new Error('a message is larger than was reckoned');
  return length;
}
