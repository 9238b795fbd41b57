import { parseArgs } from 'node:util';

export interface Arguments {
  /** Each function once, then stop. */
  readonly once: boolean;
  /** A folder of records to serve instead of a living fleet. */
  readonly records: string | undefined;
  /** A real console to poll instead of simulated ones. */
  readonly host: string | undefined;
  readonly help: boolean;
}

export const usage = `npm start                        three simulated consoles, a quickened clock; Ctrl-C stops
npm start -- --once              each function once, then a summary; exit 1 if something failed that should not
npm start -- --records DIR       serve DIR/{threats,activities,agents}.ndjson and compare what arrives with them
npm start -- --host HOST         poll a real console into local stand-ins; its token is in SENTINELONE_API_TOKEN`;

/** Throws an Error with one sentence where the arguments make no sense. */
export function readArguments(given: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...given],
    options: {
      once: { type: 'boolean', default: false },
      records: { type: 'string' },
      host: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.records !== undefined && values.host !== undefined)
    throw new Error('--records and --host exclude each other.');
  return { once: values.once, records: values.records, host: values.host, help: values.help };
}
