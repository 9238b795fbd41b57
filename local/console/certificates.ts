import { isIP } from 'node:net';
import { generate } from 'selfsigned';

/** A private key and its certificate, both PEM. */
export interface KeyPair {
  key: string;
  cert: string;
}

const strong = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const;

/** A throw-away certificate authority; only its certificate needs to be trusted. */
export async function createAuthority(name: string): Promise<KeyPair> {
  const made = await generate([{ name: 'commonName', value: name }], {
    ...strong,
    extensions: [
      { name: 'basicConstraints', cA: true, pathLenConstraint: 0, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { key: made.private, cert: made.cert };
}

/** A server certificate for `hosts`, which are names or IP addresses, signed by `authority`. */
export async function createServerCertificate(authority: KeyPair, hosts: string[]): Promise<KeyPair> {
  const made = await generate([{ name: 'commonName', value: 'stand-in' }], {
    ...strong,
    ca: authority,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: hosts.map(altName) },
    ],
  });
  return { key: made.private, cert: made.cert };
}

/** Clients look for an address among the addresses only, never among the names. */
function altName(host: string) {
  return isIP(host) === 0 ? { type: 2 as const, value: host } : { type: 7 as const, ip: host };
}
