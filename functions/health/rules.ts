/** Deployed settings that health depends on. The stack passes them as JSON to all that judge health. */
export interface HealthRules {
  /** Lower case, each with its leading dot. */
  readonly allowedHostSuffixes: readonly string[];
  /** Hours without records before a stream is quiet, by stream; absent: never. */
  readonly quietHours: Readonly<Record<string, number>>;
  /** Streams that are deployed in addition to those by default; absent: none. */
  readonly optionalStreams?: readonly string[];
  /** Whether the forwarder is deployed. */
  readonly forwards?: boolean;
  /** Minutes between two ticks, by stream, where they were set. */
  readonly cadenceMinutes?: Readonly<Record<string, number>>;
  /** How many times faster than the clock the schedule runs: `npm start` only. */
  readonly speed?: number;
}

/** The stack output `HealthRules`, as JSON. */
export function rulesText({
  allowedHostSuffixes,
  quietHours,
  optionalStreams = [],
  forwards = false,
  cadenceMinutes = {},
  speed,
}: HealthRules): string {
  const more = {
    ...(optionalStreams.length > 0 && { optionalStreams }),
    ...(forwards && { forwards }),
    ...(Object.keys(cadenceMinutes).length > 0 && { cadenceMinutes }),
  };
  return JSON.stringify({ allowedHostSuffixes, quietHours, ...more, speed });
}

/** Reads the stack output `HealthRules`. */
export function readRules(text: string): HealthRules {
  return JSON.parse(text) as HealthRules;
}
