import { at, type Json, list, text } from '../kit/json.ts';
import { type Timestamp, timestamp } from '../kit/time.ts';

/** Analytics' severities with the numbers of RFC 5424. */
const severityCodes = { critical: '2', high: '3', medium: '4', low: '5', informational: '6' } as const;

export type Severity = keyof typeof severityCodes;

/** Both fields that say how severe an artifact is. */
export function severity(severityLabel: Severity): { severityLabel: Severity; severityCode: string } {
  return { severityLabel, severityCode: severityCodes[severityLabel] };
}

/** The time at `path` in UTC; what is no time, such as the text "None", is absent. */
export function time(record: Json | undefined, ...path: readonly string[]): Timestamp | undefined {
  return timestamp(at(record, ...path));
}

const byte = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';

const ipv4 = new RegExp(`^${byte}(?:\\.${byte}){3}$`);

const ipv6Letters = /^[\da-f:.]+$/i;

/** Six pairs, in the record's own writing: a search for what the console shows finds it. */
const mac = /^[\da-f]{2}(?:[:-][\da-f]{2}){5}$/i;

/** The IPv4 or IPv6 address at `path`; anything else would break an index of addresses. */
export function ipAddress(record: Json | undefined, ...path: readonly string[]): string | undefined {
  const value = text(record, ...path)?.trim() ?? '';
  // A URL's host knows all of the ways to write an IPv6 address.
  const isIpv6 = ipv6Letters.test(value) && URL.canParse(`http://[${value}]/`);
  return ipv4.test(value) || isIpv6 ? value : undefined;
}

export function firstIpv4(values: readonly Json[]): string | undefined {
  return first(values, ipv4);
}

/** What a host is found by: the first IPv4 address and the first MAC of its network interfaces. */
export function addresses(interfaces: readonly Json[]): {
  clientIP: string | undefined;
  clientMAC: string | undefined;
} {
  return {
    clientIP: firstIpv4(interfaces.flatMap((one) => list(one, 'inet'))),
    clientMAC: first(
      interfaces.map((one) => at(one, 'physical')),
      mac,
    ),
  };
}

function first(values: readonly (Json | undefined)[], form: RegExp): string | undefined {
  return values
    .filter((value) => typeof value === 'string')
    .map((value) => value.trim())
    .find((value) => form.test(value));
}
