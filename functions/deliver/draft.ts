import type { ArtifactJson } from './artifact.ts';
import { withoutNoncharacters, writeEscapedTwice } from './escape.ts';

/** A part of a message's body. */
export interface BodyPart {
  /** As it is within a JSON text, where its quotes and backslashes are escaped. UTF-8. */
  readonly escaped: Uint8Array;
  /** UTF-8 bytes of the part itself. */
  readonly bytes: number;
}

/** The JSON of an ingest request before, after each of, and after all of its artifacts. */
const [head, comma, tail] = ['{"artifacts":[', ',', ']}'];

/** The body of a message while it is written as it is in the JSON of a request: straight from the bytes of its records. */
export class Draft {
  readonly #target: Buffer;
  #length = 0;
  #bytes = 0;
  /** Where the last artifact starts. */
  #last = { length: 0, bytes: 0 };

  /** @param mostBytes as they are written */
  constructor(mostBytes: number) {
    this.#target = Buffer.allocUnsafe(mostBytes);
  }

  /** UTF-8 bytes of the body if it ended here. */
  get bytes(): number {
    return this.#bytes - comma.length + tail.length;
  }

  /** Starts a body, with an artifact that was taken from another one. */
  start(first?: BodyPart): void {
    this.#length = 0;
    this.#bytes = 0;
    this.#write(head);
    if (first === undefined) return;
    this.#target.set(first.escaped, this.#length);
    this.#length += first.escaped.length;
    this.#bytes += first.bytes;
  }

  /** Returns false, and adds nothing, if a body of only this artifact has more than `mostBytes`. */
  add({ head: artifact, raw }: ArtifactJson, mostBytes: number): boolean {
    if (raw.length > mostBytes) return false;
    this.#last = { length: this.#length, bytes: this.#bytes };
    this.#write(artifact);
    const { end, onceBytes } = writeEscapedTwice(raw, this.#target, this.#length);
    this.#length = end;
    this.#bytes += onceBytes;
    if (end < this.#target.length) this.#write(`"}${comma}`);
    // A buffer takes no part of a character: close to its end, something may be missing.
    const isWhole = this.#length <= this.#target.length - 4;
    const bytes = head.length + this.bytes - this.#last.bytes;
    if (isWhole && bytes <= mostBytes) return true;
    this.#cut();
    return false;
  }

  /** Removes the last artifact, and returns it for another body. */
  take(): BodyPart {
    const { length, bytes } = this.#last;
    const escaped = Buffer.from(this.#target.subarray(length, this.#length));
    const taken = { escaped, bytes: this.#bytes - bytes };
    this.#cut();
    return taken;
  }

  /** Ends the body. It holds until the next one starts. */
  finish(): BodyPart {
    this.#length -= comma.length;
    this.#bytes -= comma.length;
    this.#write(tail);
    return { escaped: this.#target.subarray(0, this.#length), bytes: this.#bytes };
  }

  #cut(): void {
    this.#length = this.#last.length;
    this.#bytes = this.#last.bytes;
  }

  #write(json: string): void {
    const safe = withoutNoncharacters(json);
    const escaped = JSON.stringify(safe).slice(1, -1);
    const written = this.#target.write(escaped, this.#length);
    this.#length += written;
    this.#bytes += written - (escaped.length - safe.length);
  }
}
