import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SettingsError } from '../context.ts';

/**
 * Reads the certificates in a PEM file. Everything else in the file, such as a private key, is not deployed.
 * @throws SettingsError if the file cannot be read, contains no certificate, or contains a damaged one
 */
export function readCertificates(file: string): string {
  const refused = (problem: string) =>
    new SettingsError(`The setting caFile is ${JSON.stringify(file)}, ${problem}.`);
  const found =
    textOf(file, refused).match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (found.length === 0) throw refused('but no PEM certificate is in there');
  return found
    .map((pem, i) => {
      try {
        return new X509Certificate(pem).toString();
      } catch {
        throw refused(`but certificate ${i + 1} of the ${found.length} in there can't be read`);
      }
    })
    .join('');
}

function textOf(file: string, refused: (problem: string) => SettingsError): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw refused(`but that file can't be read (${(error as NodeJS.ErrnoException).code})`);
  }
}
