import { isIP } from 'node:net';
import { generate } from 'selfsigned';

/** A private key and its certificate, both PEM. */
export interface KeyPair {
  key: string;
  cert: string;
}

const strong = { keyType: 'ec', curve: 'P-256', algorithm: 'sha256' } as const;

/** Creates a temporary certificate authority. Clients only need to trust its certificate. */
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

/** Creates a server certificate for `hosts`, which are names or IP addresses, signed by `authority`. */
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

/** Clients look for an IP address only among the IP addresses of a certificate. */
function altName(host: string) {
  return isIP(host) === 0 ? { type: 2 as const, value: host } : { type: 7 as const, ip: host };
}
