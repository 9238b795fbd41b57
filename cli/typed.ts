import { defaultStack } from './stack-name.ts';

/** Options that a printed command must repeat to reach the same stack. */
export interface GlobalOptions {
  readonly stack?: string;
  readonly region?: string;
  readonly profile?: string;
  readonly local?: boolean;
  readonly port?: number;
}

let options = '';
/** What `./collector` says is how it was called; a command that is found by its name says nothing. */
let defaultCommand = 'collector';

/** Makes `asTyped` speak to someone in a clone. */
export function fromClone(): void {
  defaultCommand = './collector';
}

/** Makes `asTyped` repeat these options. */
export function repeatOptions({ stack, region, profile, local, port }: GlobalOptions): void {
  const named = Object.entries({ stack: stack === defaultStack ? undefined : stack, region, profile });
  options = [
    ...named.flatMap(([name, value]) => (value === undefined ? [] : [` --${name} ${value}`])),
    ...(local ? [' --local'] : []),
    ...(local && port !== undefined ? [` --port ${port}`] : []),
  ].join('');
}

/** Returns `collector rotate acme` as it must be typed here: `./collector rotate acme --local`. */
export function asTyped(text: string, more = options): string {
  const command = process.env.COLLECTOR_COMMAND ?? defaultCommand;
  return text.replace(
    /(?<![\w./-])collector ((?:add|rotate|set|test|status|show|replay|list|import|discover|dlq)\b(?: (?!--)[\w-]+)?|--help|\w+ --help)/g,
    (_, rest) => `${command} ${rest}${more}`,
  );
}
