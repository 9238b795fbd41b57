/** What the stack sets and the entry reads: every variable is text, as Lambda has it. */
export interface Environment {
  /** Which stream this function polls. */
  readonly STREAM: string;
  readonly INSTANCES_TABLE: string;
  readonly CURSORS_TABLE: string;
  readonly ARTIFACT_QUEUE_URL: string;
  readonly OVERFLOW_BUCKET: string;
  /** Comma-separated; a console's host must end in one of them. */
  readonly ALLOWED_HOST_SUFFIXES: string;
  readonly MESSAGE_KIB: string;
  readonly OVERLAP_MINUTES: string;
  /** Record versions remembered for one instance and stream. */
  readonly MEMORY_ENTRIES: string;
  readonly REQUESTS_PER_SECOND: string;
  /** Instances polled side by side in one run. */
  readonly INSTANCES_AT_ONCE: string;
  /** Pages that one instance gets before another that waits has its turn. */
  readonly PAGES_PER_TURN: string;
  /** Pages that one instance gets in one run. */
  readonly PAGES_PER_RUN: string;
}
