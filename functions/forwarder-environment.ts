import type { ForwardSettings } from './forward/forward.ts';
import { reading } from './variables.ts';

/** What the stack sets and the forwarder reads: every variable is text, as Lambda has it. */
export interface ForwarderEnvironment {
  /** `https://analytics.example.com`, with the path before `/v1` where it has one other than `/api`. */
  readonly ANALYTICS_URL: string;
  /** Name or ARN of the secret with `{"email": "…", "password": "…"}`. */
  readonly ANALYTICS_SECRET: string;
  readonly DEAD_LETTER_QUEUE_URL: string;
  readonly CURSORS_TABLE: string;
  /** Ids of accepted artifacts; empty: they are not remembered. */
  readonly ACCEPTED_TABLE: string;
  /** How long they are remembered. */
  readonly ACCEPTED_DAYS: string;
  /** Messages are merged into requests of up to this size. */
  readonly REQUEST_KIB: string;
}

/** The environment as the forwarder uses it. */
export interface ForwarderDeployment {
  readonly analyticsUrl: string;
  readonly secretId: string;
  readonly deadLetterQueueUrl: string;
  readonly cursorsTable: string;
  /** Undefined where accepted ids are not remembered. */
  readonly acceptedTable: string | undefined;
  readonly acceptedDays: number;
  readonly settings: ForwardSettings;
}

/** Throws an Error that names the variable which is missing or wrong: the stack sets them all. */
export function readForwarderEnvironment(variables: Partial<ForwarderEnvironment>): ForwarderDeployment {
  const { text, number } = reading<keyof ForwarderEnvironment>(variables);
  return {
    analyticsUrl: httpsUrl(text('ANALYTICS_URL')),
    secretId: text('ANALYTICS_SECRET'),
    deadLetterQueueUrl: text('DEAD_LETTER_QUEUE_URL'),
    cursorsTable: text('CURSORS_TABLE'),
    acceptedTable: variables.ACCEPTED_TABLE || undefined,
    acceptedDays: number('ACCEPTED_DAYS', 0),
    settings: { requestBytes: number('REQUEST_KIB') * 1024 },
  };
}

/** Credentials go there: nothing but HTTPS, and none in the address itself, which is logged. */
function httpsUrl(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (url?.protocol !== 'https:' || url.username + url.password + url.search + url.hash !== '') {
    throw new Error(
      'environment variable ANALYTICS_URL is not an address such as https://analytics.example.com',
    );
  }
  return url.href.replace(/\/+$/, '');
}
