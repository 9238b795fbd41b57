/** Deployed settings that health depends on. The stack passes them as JSON to all that judge health. */
export interface HealthRules {
  /** Lower case, each with its leading dot. */
  readonly allowedHostSuffixes: readonly string[];
  /** Hours without records before a stream is quiet, by stream; absent: never. */
  readonly quietHours: Readonly<Record<string, number>>;
  /** Streams that are deployed in addition to those by default; absent: none. */
  readonly optionalStreams?: readonly string[];
  /** How many times faster than the clock the schedule runs: `npm start` only. */
  readonly speed?: number;
}

/** The stack output `HealthRules`, as JSON. */
export function rulesText({
  allowedHostSuffixes,
  quietHours,
  optionalStreams = [],
  speed,
}: HealthRules): string {
  const more = optionalStreams.length > 0 && { optionalStreams };
  return JSON.stringify({ allowedHostSuffixes, quietHours, ...more, speed });
}

/** Reads the stack output `HealthRules`. */
export function readRules(text: string): HealthRules {
  return JSON.parse(text) as HealthRules;
}
