import { CollectorError, problemOf } from '../../errors.ts';
import { expiryNoticeMs, expiryRemedy } from '../../instances/expiry.ts';
import type { Instance } from '../../instances/instance.ts';
import { dayMs } from '../../kit/time.ts';

/** The result of one check. `off` means that the operator has disabled it. */
export interface Finding {
  /** `record`, `secret`, `dns`, `tls`, `reachable`, `clock`, `token`, `expiry`, or a stream's name. */
  readonly what: string;
  readonly outcome: 'ok' | 'warning' | 'failed' | 'off';
  readonly detail: string;
  readonly remedy?: string;
}

export const ok = (what: string, detail: string): Finding => ({ what, outcome: 'ok', detail });

export function unbound({ instance, host }: Instance): Finding {
  return {
    what: 'secret',
    outcome: 'warning',
    detail: 'the secret does not name its host: the token is bound to the host that it is first used at',
    remedy: `Store {"apiKey": "…", "host": "${host}"}; collector rotate ${instance} does that.`,
  };
}

export const off = (what: string, detail: string): Finding => ({ what, outcome: 'off', detail });

export function failed(what: string, error: unknown): Finding {
  if (!(error instanceof CollectorError)) throw error;
  const { message, remedy } = problemOf(error);
  return { what, outcome: 'failed', detail: message, remedy };
}

/** HTTP's `Date` has whole seconds. A larger difference means that one of the two clocks is wrong. */
const clockNoticeMs = 60_000;

export function clockFinding(differenceMs: number | undefined): Finding[] {
  if (differenceMs === undefined) return [];
  const detail = `clock skew ${Math.abs(differenceMs) / 1000} s`;
  if (Math.abs(differenceMs) < clockNoticeMs) return [ok('clock', detail)];
  const remedy =
    "Correct the console's clock. Positions use it, so records that become visible late may be missed.";
  return [{ what: 'clock', outcome: 'warning', detail, remedy }];
}

export function expiryFinding(expiresAt: string | undefined, now: number): Finding {
  if (expiresAt === undefined) return ok('expiry', 'token expiry unknown');
  const leftMs = Date.parse(expiresAt) - now;
  const detail = `the token ends at ${expiresAt}, in ${Math.max(0, Math.floor(leftMs / dayMs))} days`;
  if (leftMs >= expiryNoticeMs) return ok('expiry', detail);
  return { what: 'expiry', outcome: 'warning', detail, remedy: expiryRemedy };
}
