import * as v from 'valibot';
import type { Stream } from '../functions/streams/stream.ts';
import { parsed, type Settings, settingsSchema } from './settings.ts';

/** An unknown or invalid setting; `message` is one sentence for the operator. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/** Context keys of the CDK that contain neither `:` nor `/`. */
const cdkKeys = new Set(['acknowledged-issue-numbers', 'cli-telemetry']);

/**
 * Reads the settings from an app's context and adds the defaults.
 * @param streams their names are the keys of settings by stream, and their fields are the defaults
 * @throws SettingsError at the first unknown or invalid setting
 */
export function readSettings(
  context: Readonly<Record<string, unknown>>,
  streams: readonly Stream[],
): Settings {
  const schema = settingsSchema(streams);
  const given = Object.entries(context).filter(([key]) => !/[:/]/.test(key) && !cdkKeys.has(key));
  const unknown = given.map(([key]) => key).find((key) => !Object.hasOwn(schema.entries, key));
  if (unknown !== undefined) throw new SettingsError(notASetting(unknown, Object.keys(schema.entries)));
  const read = v.safeParse(schema, Object.fromEntries(given), { abortEarly: true });
  if (read.success) return read.output;
  const [{ path, message }] = read.issues;
  const key = String(path?.[0].key);
  throw new SettingsError(`The setting ${key} is ${shown(context[key])}, but must be ${message}.`);
}

/** Replacements for settings of earlier versions. */
const removed: Readonly<Record<string, string>> = {
  secretKeyArns: 'its keys are now part of secretArns',
  httpsProxy: 'it is now proxy, {"url": …}',
  noProxy: 'it is now part of proxy, {"url": …, "except": […]}',
  subnetIds: 'it is now part of vpc, {"subnetIds": […], "securityGroupIds": […]}',
  securityGroupIds: 'it is now part of vpc, {"subnetIds": […], "securityGroupIds": […]}',
  analyticsSecretId: 'it is now part of forwarder, {"secretId": …}',
  analyticsConcurrency: 'it is now part of forwarder, {"concurrency": …}',
  rememberAcceptedDays: 'it is now part of forwarder, {"rememberAcceptedDays": …}',
  permissionsBoundaryArn: 'it is now part of roles, {"permissionsBoundaryArn": …}',
  rolePath: 'it is now part of roles, {"path": …}',
  perInstanceMetrics: 'it is now metrics, "per-instance"',
  tags: 'give tags to the CDK, as --tags name=value or as "tags" at the top of cdk.json',
  ...Object.fromEntries(
    [
      ...['messageKib', 'memoryEntries', 'instancesPerRun', 'instancesAtOnce', 'pagesPerTurn', 'pagesPerRun'],
      ...['pageTimeoutSeconds', 'auditHours', 'alarmQueueHours', 'operationsUrl', 'memoryMb'],
      ...['overflowExpirationDays', 'analyticsRequestKib'],
    ].map((name) => [name, 'it is a constant now']),
  ),
};

function notASetting(key: string, names: readonly string[]): string {
  const became = Object.hasOwn(removed, key) ? removed[key] : undefined;
  return became === undefined
    ? `The setting ${key} is unknown; there are ${names.join(', ')}.`
    : `The setting ${key} was removed: ${became}. Remove it from the context.`;
}

/** Omits the user and password that a URL may contain. */
const shown = (value: unknown) => JSON.stringify(parsed(value)).replace(/\/\/.*@/, '//…@');
