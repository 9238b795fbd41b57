import { parseArgs } from 'node:util';

export interface Arguments {
  /** Run each function once, then stop. */
  readonly once: boolean;
  /** A folder of records to serve instead of a simulated fleet. */
  readonly records: string | undefined;
  /** A real console to poll instead of simulated ones. */
  readonly host: string | undefined;
  /** The port of the search page; the tiles have the next one. */
  readonly port: number;
  /** Print every log line. */
  readonly verbose: boolean;
  readonly help: boolean;
}

/** The port of the search page. */
export const defaultPort = 8470;

export const usage = `npm start                        simulated consoles, 60× speed; Ctrl-C stops
npm start -- --once              run each function once; exits 1 on any mismatch
npm start -- --records DIR       serve DIR/STREAM.ndjson, such as threats.ndjson, and
                                 compare the delivered records
npm start -- --host HOST         poll a real console into local stand-ins;
                                 set SENTINELONE_API_TOKEN
npm start -- --port PORT         port of the search page, or the next free one;
                                 the tiles have the one after it (default: 8470)
npm start -- --verbose           print every log line of the functions`;

/** Throws an Error with a one-sentence message for invalid arguments. */
export function readArguments(given: readonly string[], environment: NodeJS.ProcessEnv): Arguments {
  const { values } = parseArgs({
    args: [...given],
    options: {
      once: { type: 'boolean', default: false },
      records: { type: 'string' },
      host: { type: 'string' },
      port: { type: 'string' },
      verbose: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.records !== undefined && values.host !== undefined)
    throw new Error('--records and --host cannot be combined.');
  // Without `--`, npm takes the options itself and passes them on in these variables.
  const once = values.once || environment.npm_config_once === 'true';
  const verbose = values.verbose || environment.npm_config_loglevel === 'verbose';
  const { records, host, help } = values;
  return { once, records, host, port: portIn(values.port ?? environment.npm_config_port), verbose, help };
}

function portIn(text: string | undefined): number {
  const port = Number(text ?? defaultPort);
  if (Number.isInteger(port) && port >= 1024 && port <= 65_000) return port;
  throw new Error('--port must be a whole number from 1024 to 65000.');
}
