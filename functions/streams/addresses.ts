import { at, type Json, list, text } from '../kit/json.ts';

const byte = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)';

const ipv4 = new RegExp(`^${byte}(?:\\.${byte}){3}$`);

const ipv6Letters = /^[\da-f:.]+$/i;

/**
 * Six pairs, or eight for an EUI-64. The spelling of the record is kept, so that a search for what the console shows
 * finds it.
 */
const macForm = /^[\da-f]{2}([:-])[\da-f]{2}(?:\1[\da-f]{2}){4}(?:\1[\da-f]{2}\1[\da-f]{2})?$/i;

const onlyZeros = /^[0:-]+$/;

/**
 * Interfaces of containers, virtual machines and tunnels, and the loopback. The host cannot be reached through them.
 */
const virtualInterface =
  /^(?:lo\d*$|loopback|docker|br-|veth|utun|tun\d|tap\d|wg\d|virbr|vboxnet|vmnet|cni|cali|flannel|podman|lxcbr|lxdbr|vethernet \((?:wsl|default switch|nat|dockernat)|virtualbox host-only|vmware network adapter)/i;

/** A host's own address in the default networks of Docker, VirtualBox and libvirt. */
const virtualAddress = /^(?:172\.(?:1[7-9]|2\d|3[01])\.0\.1|192\.168\.56\.1|192\.168\.122\.1)$/;

/**
 * The second lowest bit of the first byte marks an address that was assigned by software, not by the manufacturer.
 */
const madeUpMac = /^[\da-f][2367abef]/i;

const longestAddress = 64;

/** Returns the text if it is an IPv4 or IPv6 address. Anything else would break an index of addresses. */
function address(value: Json | undefined): string | undefined {
  if (typeof value !== 'string' || value.length > longestAddress) return undefined;
  const trimmed = value.trim();
  if (ipv4.test(trimmed)) return trimmed;
  // The URL parser knows all spellings of an IPv6 address.
  return ipv6Letters.test(trimmed) && URL.canParse(`http://[${trimmed}]/`) ? trimmed : undefined;
}

/** Returns the text if it is a MAC address. Zeros mean that there is none. */
function mac(value: Json | undefined): string | undefined {
  if (typeof value !== 'string' || value.length > longestAddress) return undefined;
  const trimmed = value.trim();
  return macForm.test(trimmed) && !onlyZeros.test(trimmed) ? trimmed : undefined;
}

export function ipAddress(record: Json | undefined, ...path: readonly string[]): string | undefined {
  return address(at(record, ...path));
}

const separators = /[,;\s]+/;

const mostListed = 300;

/** Returns the value at `key` as a list of texts. Consoles separate addresses with commas. */
export function listed(record: Json | undefined, key: string): string[] {
  return text(record, key)?.split(separators, mostListed) ?? [];
}

/** From this rank on, a host cannot be reached at the address. */
const unreachable = 4;

/** Ranks how well an address identifies its host; lower is better. */
function rank(ip: string, onVirtual: boolean): number {
  const isIpv4 = !ip.includes(':');
  const kind = isIpv4 ? kindOfIpv4(ip) : kindOfIpv6(ip.toLowerCase());
  if (kind > 0) return unreachable + 2 * kind + (isIpv4 ? 0 : 1);
  return (onVirtual || virtualAddress.test(ip) ? 2 : 0) + (isIpv4 ? 0 : 1);
}

/** 0: host, 1: link-local, 2: loopback, 3: unspecified. */
function kindOfIpv4(ip: string): number {
  if (ip.startsWith('169.254.')) return 1;
  if (ip.startsWith('127.')) return 2;
  return ip.startsWith('0.') ? 3 : 0;
}

const nothingButZeros = /^[0:]*$/;
const oneAfterZeros = /^[0:]*:0*1$/;
const linkLocal = /^fe[89ab]/;
const mapped = /:ffff:([\d.]+)$/;

function kindOfIpv6(ip: string): number {
  if (linkLocal.test(ip)) return 1;
  if (oneAfterZeros.test(ip)) return 2;
  if (nothingButZeros.test(ip)) return 3;
  const ipv4 = mapped.exec(ip)?.[1];
  return ipv4 === undefined ? 0 : kindOfIpv4(ipv4);
}

/** The addresses by which a host can be searched. */
export interface HostAddresses {
  /** The address that an analyst would call the host's. */
  clientIP: string | undefined;
  /** The MAC of the interface with `clientIP`. */
  clientMAC: string | undefined;
  clientIPs: string[] | undefined;
  clientMACs: string[] | undefined;
}

const noAddresses: HostAddresses = {
  clientIP: undefined,
  clientMAC: undefined,
  clientIPs: undefined,
  clientMACs: undefined,
};

interface Candidate {
  readonly ip: string;
  readonly rank: number;
  readonly mac: string | undefined;
}

const filled = (values: ReadonlySet<string>) => (values.size > 0 ? [...values] : undefined);

/** Returns the first of the best candidates, or `preferred` if the host can be reached at it. */
function best(candidates: readonly Candidate[], preferred?: string): Candidate | undefined {
  let found: Candidate | undefined;
  for (const one of candidates) {
    if (one.ip === preferred && one.rank < 2) return one;
    if (found === undefined || one.rank < found.rank) found = one;
  }
  return found;
}

/** Returns a host's addresses by its network interfaces. `lastIpToMgmt` is the address that it used last. */
export function addressesOf(interfaces: readonly Json[], lastIpToMgmt?: Json): HostAddresses {
  const { candidates, macs, only } = readInterfaces(interfaces);
  const preferred = address(lastIpToMgmt);
  const chosen = best(candidates, preferred);
  return {
    clientIP: chosen?.ip ?? preferred,
    clientMAC: chosen === undefined ? only : chosen.mac,
    clientIPs: filled(new Set(candidates.map(({ ip }) => ip))) ?? (preferred ? [preferred] : undefined),
    clientMACs: filled(macs),
  };
}

/**
 * Returns a host's addresses at a past time.
 * @param then the addresses at that time
 * @param interfaces the current interfaces, which show the interface and the MAC of an address. Current addresses are
 * used if those of that time are missing or unreachable.
 */
export function addressesThen(then: readonly string[], interfaces: readonly Json[]): HostAddresses {
  const now = readInterfaces(interfaces);
  const byIp = new Map<string, Candidate>();
  for (const one of now.candidates) {
    if (one.rank < (byIp.get(one.ip)?.rank ?? Number.POSITIVE_INFINITY)) byIp.set(one.ip, one);
  }
  const candidates = then.flatMap((value) => {
    const ip = address(value);
    return ip === undefined ? [] : [byIp.get(ip) ?? { ip, rank: rank(ip, false), mac: undefined }];
  });
  const chosen = best(candidates);
  if (chosen === undefined || chosen.rank >= unreachable) candidates.push(...now.candidates);
  const final = best(candidates);
  return {
    clientIP: final?.ip,
    clientMAC: final !== undefined && byIp.has(final.ip) ? final.mac : now.only,
    clientIPs: filled(new Set(candidates.map(({ ip }) => ip))),
    clientMACs: filled(now.macs),
  };
}

function readInterfaces(interfaces: readonly Json[]) {
  const candidates: Candidate[] = [];
  const macs = new Set<string>();
  const real = new Set<string>();
  for (const one of interfaces) {
    const physical = mac(at(one, 'physical'));
    const isVirtual = virtualInterface.test(text(one, 'name')?.slice(0, 80) ?? '');
    if (physical !== undefined) {
      macs.add(physical);
      if (!isVirtual) real.add(physical);
    }
    for (const key of ['inet', 'inet6']) {
      for (const value of list(one, key)) {
        const ip = address(value);
        if (ip !== undefined) candidates.push({ ip, rank: rank(ip, isVirtual), mac: physical });
      }
    }
  }
  /** If a host has one card, its MAC is known even if no interface has the address. */
  const only = real.size === 1 ? [...real][0] : undefined;
  return { candidates, macs, only };
}

/** Returns a host's addresses if a record has a list of addresses and a list of MACs, but no interfaces. */
export function addressesIn(ips: readonly string[], physical: readonly string[]): HostAddresses {
  if (ips.length === 0 && physical.length === 0) return noAddresses;
  const candidates = ips.flatMap((value) => {
    const ip = address(value);
    return ip === undefined ? [] : [{ ip, rank: rank(ip, false), mac: undefined }];
  });
  const macs = physical.flatMap((value) => mac(value) ?? []);
  return {
    clientIP: best(candidates)?.ip,
    clientMAC: macs.find((one) => !madeUpMac.test(one)) ?? macs[0],
    clientIPs: filled(new Set(candidates.map(({ ip }) => ip))),
    clientMACs: filled(new Set(macs)),
  };
}
