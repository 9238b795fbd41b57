import type { Coverage } from './status.ts';

/** What a console has that is not collected, in sentences with the command that changes it. */
export interface CoverageReport extends Coverage {
  readonly sentences: readonly string[];
}

/**
 * @param collected the streams of the instance
 * @param deployed the optional streams that have a function
 */
export function coverageReport(
  instance: string,
  found: unknown,
  collected: readonly string[],
  deployed: readonly string[],
): CoverageReport | undefined {
  const coverage = readCoverage(found);
  if (coverage === undefined) return undefined;
  const { days, alerts, ruleAlerts = 0, views } = coverage;
  // Unified alerts include those of rules.
  const has = (stream: string) => collected.includes(stream);
  const count = (number: number, what: string) =>
    `${number.toLocaleString('en-US')} ${what} of the last ${days} days`;
  // The setting replaces the list, and other instances may need what is in it.
  const all = (stream: string) => JSON.stringify([...deployed, stream]);
  const command = (stream: string) =>
    [
      ...(deployed.includes(stream) ? [] : [`npm run deploy -- -c 'optionalStreams=${all(stream)}'`]),
      `collector set ${instance} --streams +${stream}`,
    ].join(', then ');
  const sentences: string[] = [];
  if (!has('alerts') && (alerts ?? 0) > 0)
    sentences.push(
      `${count(alerts ?? 0, 'alerts')}${inViews(views)} are not collected: ${command('alerts')}`,
    );
  if (!has('alerts') && !has('rule-alerts') && ruleAlerts > 0)
    sentences.push(
      `${count(ruleAlerts, 'rule alerts')} are not collected: ${command(alerts === undefined ? 'rule-alerts' : 'alerts')}`,
    );
  return { ...coverage, sentences };
}

const inViews = (views: readonly string[]) => (views.length === 0 ? '' : ` (${views.join(', ')})`);

/** Nothing in a stored coverage is trusted. */
function readCoverage(found: unknown): Coverage | undefined {
  if (typeof found !== 'object' || found === null) return undefined;
  const { at, days, views, alerts, ruleAlerts, hiddenActivities } = found as Partial<Coverage>;
  if (typeof at !== 'string' || Number.isNaN(Date.parse(at)) || typeof days !== 'number') return undefined;
  const counts = Object.entries({ alerts, ruleAlerts, hiddenActivities }).filter(([, one]) =>
    Number.isSafeInteger(one),
  );
  const named = Array.isArray(views) ? views.filter((one) => /^[A-Z_]{1,40}$/.test(one)).slice(0, 20) : [];
  return { at: new Date(at).toISOString(), days, views: named, ...Object.fromEntries(counts) };
}
