import type { Coverage } from '../health/status.ts';
import type { Instance } from '../instances/instance.ts';
import { at, count, type Json, list, text } from '../kit/json.ts';
import { fromMs } from '../kit/time.ts';
import { activities } from '../streams/activities.ts';
import { alerts } from '../streams/alerts.ts';
import { ruleAlerts } from '../streams/rule-alerts.ts';
import { graphqlSource } from './sources/graphql.ts';
import { restSource } from './sources/rest.ts';
import type { Ask } from './sources/source.ts';

const days = 30;

/** The views that group others. */
const wholes = new Set(['ALL']);

/**
 * Asks a console what it has of the last days, whether or not it is collected: four requests, none of which changes
 * anything, and more if its schema is not the usual one. What it does not say, or does not let the token see, is absent.
 * @param learned what is known about the schema
 */
export async function coverageOf(
  instance: Instance,
  now: number,
  ask: Ask,
  learned?: unknown,
): Promise<Coverage> {
  const from = fromMs(now - days * 24 * 60 * 60 * 1000);
  const until = fromMs(now);
  const unknown = () => undefined;
  const source = graphqlSource(alerts, instance, () => now, learned);
  const unified = await source.count(from, until, ask, availability).then(readUnified, unknown);
  const rules = await restSource(ruleAlerts, instance).total(from, until, ask).catch(unknown);
  const visible = await restSource(activities, instance).total(from, until, ask).catch(unknown);
  const shown = { ...activities, query: { ...activities.query, includeHidden: 'true' } };
  const all = await restSource(shown, instance).total(from, until, ask).catch(unknown);
  return {
    at: new Date(now).toISOString(),
    days,
    views: unified?.views ?? [],
    ...(unified?.alerts !== undefined && { alerts: unified.alerts }),
    ...(rules !== undefined && { ruleAlerts: rules }),
    ...(all !== undefined && visible !== undefined && { hiddenActivities: Math.max(0, all - visible) }),
  };
}

const availability = [
  'alertsViewDataAvailability',
  '{ viewDataAvailability { viewType dataAvailable } }',
] as const;

function readUnified(value: Json) {
  const views = list(value, 'data', availability[0], 'viewDataAvailability').flatMap(viewWithData);
  return { views: views.slice(0, 20), alerts: count(value, 'data', alerts.connection, 'totalCount') };
}

const name = /^[A-Z_]{1,40}$/;

function viewWithData(view: Json): string[] {
  const type = text(view, 'viewType') ?? '';
  return at(view, 'dataAvailable') === true && name.test(type) && !wholes.has(type) ? [type] : [];
}
