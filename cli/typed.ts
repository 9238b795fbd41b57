import { defaultStack } from './stack-name.ts';

/** Options that a printed command must repeat to reach the same stack. */
export interface GlobalOptions {
  readonly stack?: string;
  readonly region?: string;
  readonly profile?: string;
  readonly local?: boolean;
}

let options = '';

/** Makes `asTyped` repeat these options. */
export function repeatOptions({ stack, region, profile, local }: GlobalOptions): void {
  const named = Object.entries({ stack: stack === defaultStack ? undefined : stack, region, profile });
  options = [
    ...named.flatMap(([name, value]) => (value === undefined ? [] : [` --${name} ${value}`])),
    ...(local ? [' --local'] : []),
  ].join('');
}

/** Returns `collector rotate acme` as it must be typed here: `./collector rotate acme --local`. */
export function asTyped(text: string, more = options): string {
  const command = process.env.COLLECTOR_COMMAND ?? 'collector';
  return text.replace(
    /(?<![\w./-])collector ((?:add|rotate|set|test|status|show|replay|list|import|discover|dlq)\b(?: (?!--)[\w-]+)?|--help|\w+ --help)/g,
    (_, rest) => `${command} ${rest}${more}`,
  );
}
