/** Deployed settings that health depends on. The stack passes them as JSON to all that judge health. */
export interface HealthRules {
  /** Lower case, each with its leading dot. */
  readonly allowedHostSuffixes: readonly string[];
  /** Hours without records before a stream is quiet, by stream; absent: never. */
  readonly quietHours: Readonly<Record<string, number>>;
}

/** The stack output `HealthRules`, as JSON. */
export function rulesText({ allowedHostSuffixes, quietHours }: HealthRules): string {
  return JSON.stringify({ allowedHostSuffixes, quietHours });
}

/** Reads the stack output `HealthRules`. */
export function readRules(text: string): HealthRules {
  return JSON.parse(text) as HealthRules;
}
