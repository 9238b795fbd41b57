import { parseArgs } from 'node:util';

export interface Arguments {
  /** Run each function once, then stop. */
  readonly once: boolean;
  /** A folder of records to serve instead of a simulated fleet. */
  readonly records: string | undefined;
  /** A real console to poll instead of simulated ones. */
  readonly host: string | undefined;
  readonly help: boolean;
}

export const usage = `npm start                        three simulated consoles, 60× speed; Ctrl-C stops
npm start -- --once              run each function once and print a summary; exits 1 on any mismatch
npm start -- --records DIR       serve DIR/STREAM.ndjson, such as threats.ndjson, and compare the delivered records
npm start -- --host HOST         poll a real console into local stand-ins; set SENTINELONE_API_TOKEN`;

/** Throws an Error with a one-sentence message for invalid arguments. */
export function readArguments(given: readonly string[], environment: NodeJS.ProcessEnv): Arguments {
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
    throw new Error('--records and --host cannot be combined.');
  // Without `--`, npm takes the option itself and passes it on in this variable.
  const once = values.once || environment.npm_config_once === 'true';
  return { once, records: values.records, host: values.host, help: values.help };
}
