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

/** A server certificate for `hosts`, signed by `authority`. */
export async function createServerCertificate(authority: KeyPair, hosts: string[]): Promise<KeyPair> {
  const made = await generate([{ name: 'commonName', value: 'simulated console' }], {
    ...strong,
    ca: authority,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true },
      { name: 'subjectAltName', altNames: hosts.map((value) => ({ type: 2, value })) },
    ],
  });
  return { key: made.private, cert: made.cert };
}
