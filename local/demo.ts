import type { ConsoleOptions } from './console/console.ts';
import { type FaultRule, faults } from './console/faults.ts';
import type { FleetOptions } from './console/fleet/fleet.ts';
import { simulatedFleet } from './console/fleet/simulated-fleet.ts';
import type { Token } from './console/tokens.ts';

/** Every simulated console accepts these tokens. */
export const goodToken = 'token-of-a-simulated-console';
const [soon, slow, limited] = [
  'token-that-expires-soon',
  'token-of-a-slow-console',
  'token-with-a-rate-limit',
];
const withoutAgents = 'token-without-agents';

/** Tokens with which a console shows another state than with the good one. */
export const tokenStates: readonly (readonly [token: string, state: string])[] = [
  [soon, 'it expires in 5 days'],
  [withoutAgents, 'it may not read agents'],
  [slow, 'each response takes 5 s'],
  [limited, 'every request is answered 429'],
];

const dayMs = 86_400_000;

function tokens(): Token[] {
  const inDays = (days: number) => new Date(Date.now() + days * dayMs).toISOString();
  return [
    { token: goodToken, expiresAt: inDays(180) },
    { token: 'another-token-of-a-simulated-console' },
    { token: soon, expiresAt: inDays(5) },
    { token: withoutAgents, permissions: ['Threats.view', 'Activity Page.view'] },
    { token: slow },
    { token: limited },
  ];
}

const faultRules: readonly FaultRule[] = [
  ({ token }) => (token === slow ? faults.slow(5_000) : undefined),
  ({ token }) => (token === limited ? faults.tooManyRequests('60') : undefined),
];

/** How much happens in the fleet of a console. */
export type Activity = Partial<
  Pick<FleetOptions, 'agents' | 'historyHours' | 'threatsPerDay' | 'loginsPerDay'>
>;

/** A console of `npm start`. */
export function demoConsole(host: string, activity: Activity): ConsoleOptions {
  const seed = host.split('.')[0]?.split('-').slice(1).join('-') || host;
  return { tokens: tokens(), source: simulatedFleet({ seed, ...activity }), faults: faultRules };
}
