import type { RecordSink } from '../console.ts';
import { type Alert, type AlertOrigin, alertTime, createAlert, createRuleAlert, originOf } from './alert.ts';
import type { Fleet } from './fleet.ts';
import { print } from './print.ts';
import { createRandom, type NonEmpty } from './random.ts';
import type { Threat } from './threat.ts';

const day = 86_400;
const minute = 60;
const hour = 60 * minute;

const rule = 'PowerShell → download';

/** What no threat shows. */
const others: NonEmpty<AlertOrigin> = [
  {
    product: 'STAR',
    vendor: 'SentinelOne',
    surface: 'ENDPOINT',
    name: rule,
    severity: 'HIGH',
    classification: 'UNKNOWN',
  },
  {
    product: 'Identity',
    vendor: 'SentinelOne',
    surface: 'IDENTITY',
    name: 'Kerberoasting',
    severity: 'CRITICAL',
    classification: 'UNKNOWN',
  },
  {
    product: 'Mail Gateway',
    vendor: 'Example Inc.',
    surface: 'EMAIL',
    name: 'Phishing mail',
    severity: 'LOW',
    classification: 'PHISHING',
  },
];

/** Starts the alerts of the fleet: one of each threat, which changes with it, and others, some of which are judged later. */
export function startAlerts(fleet: Fleet, sink: RecordSink) {
  const { schedule, agents, places, operators, options } = fleet;
  // Of its own, so that the fleet's other records stay as they were.
  const random = createRandom(`${options.seed} alerts`);
  const ofThreats = new Map<Threat, Alert>();
  const show = (alert: Alert) => sink.put('alerts', print(alert));
  const change = (alert: Alert, changes: Partial<Alert>) => {
    Object.assign(alert, changes, { updatedAt: alertTime(schedule.now()) });
    show(alert);
  };

  const { showThreat } = fleet;
  fleet.showThreat = (threat, agent) => {
    showThreat(threat, agent);
    const { incidentStatus, analystVerdict, mitigationStatus } = threat.threatInfo;
    const known = ofThreats.get(threat);
    const alert = known ?? createAlert(schedule.now(), originOf(threat), agent, agent, random);
    ofThreats.set(threat, alert);
    const changes = {
      status: incidentStatus === 'unresolved' ? 'NEW' : incidentStatus.toUpperCase(),
      analystVerdict: analystVerdict.toUpperCase(),
      result: mitigationStatus === 'mitigated' ? 'MITIGATED' : 'UNMITIGATED',
    };
    if (known === undefined) show(Object.assign(alert, changes));
    else change(alert, changes);
    if (incidentStatus === 'resolved') ofThreats.delete(threat);
  };

  const judge = (alert: Alert) => {
    const [name, email] = [random.pick(operators).name, random.pick(operators).mail];
    change(alert, { status: 'IN_PROGRESS', assignee: { userId: '1', email, fullName: name } });
    schedule.in(random.spread(minute, hour), () =>
      change(alert, {
        status: 'RESOLVED',
        analystVerdict: random.pick(['TRUE_POSITIVE_MALWARE', 'FALSE_POSITIVE_BENIGN']),
      }),
    );
  };

  const raise = () => {
    const origin = random.pick(others);
    const agent = origin.surface === 'ENDPOINT' ? agents[random.between(0, agents.length - 1)] : undefined;
    const alert = createAlert(schedule.now(), origin, agent ?? random.pick(places), agent, random);
    show(alert);
    if (agent) sink.put('rule-alerts', print(createRuleAlert(schedule.now(), rule, agent, random)));
    if (random.chance(0.6)) schedule.in(random.spread(5 * minute, 3 * hour), () => judge(alert));
    next();
  };
  const next = () => schedule.in(random.wait(day / options.alertsPerDay), raise);
  if (options.alertsPerDay > 0) next();
}
