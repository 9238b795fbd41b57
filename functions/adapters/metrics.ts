import { Metrics } from '@aws-lambda-powertools/metrics';
import type { Outcome } from '../collect/outcome.ts';
import type { RunSummary } from '../collect/run.ts';
import type { ForwardOutcome } from '../forward/ports.ts';
import { expiryBounds, type Fleet } from '../health/fleet.ts';
import { type MetricName, type MetricSet, namespace, units } from '../health/metrics.ts';

// Powertools reads its service name from POWERTOOLS_SERVICE_NAME, which is the stack's name.
const byStream = new Metrics({ namespace });
/** Metrics over all streams, so that an alarm needs one metric, however many streams there are. */
const whole = new Metrics({ namespace });
const byInstance = new Metrics({ namespace });

const add = (to: Metrics, name: MetricName, value: number) => to.addMetric(name, units[name], value);

/** Powertools logs a warning if there is nothing to publish. */
function publish(metrics: Metrics): void {
  if (metrics.hasStoredMetrics()) metrics.publishStoredMetrics();
}

interface Sent {
  readonly metrics: MetricSet;
  /** With the set `alarms`, a smaller lag is not sent. */
  readonly alarmLagSeconds: number;
}

/** Sends the metrics of one stream at the end of each run. */
export function runMetrics(stream: string, { metrics, alarmLagSeconds }: Sent) {
  const sendsAll = metrics !== 'alarms';
  byStream.setDefaultDimensions({ stream });
  const failed = new Map<string, number>();
  /** A metric that is not sent costs nothing. */
  const addProblem = (name: MetricName, value: number) => {
    if (sendsAll || value > 0) add(whole, name, value);
  };

  function countFleet(fleet: Fleet): void {
    const { instances, lights, lagSeconds, latenessSeconds, notices, tokenExpiryDays } = fleet;
    const expiring = expiryBounds.reduce((sum, days) => sum + notices.expiring[days], 0);
    addProblem('TokenProblems', notices.rejected + expiring);
    addProblem('PollProblems', notices.failing + notices.silent);
    addProblem('InstancesQuiet', notices.quiet);
    if (lagSeconds !== undefined && (sendsAll || lagSeconds >= alarmLagSeconds))
      add(whole, 'Lag', lagSeconds);
    if (!sendsAll) return;
    add(byStream, 'Instances', instances);
    if (lagSeconds !== undefined) add(byStream, 'Lag', lagSeconds);
    if (latenessSeconds !== undefined) add(byStream, 'Lateness', latenessSeconds);
    add(whole, 'InstancesRed', lights.red);
    add(whole, 'InstancesYellow', lights.yellow);
    add(whole, 'TokensRejected', notices.rejected);
    add(whole, 'InstancesFailing', notices.failing);
    add(whole, 'InstancesSilent', notices.silent);
    if (tokenExpiryDays !== undefined) add(whole, 'TokenExpiryDays', tokenExpiryDays);
  }

  return {
    count(outcome: Outcome): void {
      const { pages, artifacts, error, hoursChecked } = outcome;
      if (outcome.state === 'disabled') return;
      if (hoursChecked !== undefined) {
        const missing = hoursChecked.missed.reduce(
          (sum, { found, left, lost }) => sum + found + left + lost,
          0,
        );
        addProblem('HoursNotChecked', hoursChecked.error === undefined ? 0 : 1);
        addProblem('RecordsMissing', missing);
      }
      if (!sendsAll) return;
      add(byStream, 'Artifacts', artifacts);
      add(byStream, 'Pages', pages);
      add(byStream, 'PollsCompleted', error === undefined ? 1 : 0);
      add(byStream, 'PollsFailed', error === undefined ? 0 : 1);
      if (error !== undefined) failed.set(outcome.state, (failed.get(outcome.state) ?? 0) + 1);
      if (metrics === 'per-instance') countByInstance(outcome);
    },
    countRun({ notReached, isLateShard, fleet }: RunSummary): void {
      if (sendsAll) {
        add(byStream, 'InstancesNotReached', notReached);
        if (isLateShard) add(byStream, 'LateShards', 1);
      }
      if (fleet !== undefined) countFleet(fleet);
      // A shard sends no metrics of the fleet, but its checks of past hours count.
      publish(whole);
      publish(byStream);
      for (const [state, polls] of failed) countFailures(state, polls);
      failed.clear();
    },
  };
}

/** Counts failures by state; a state without failures is not sent. */
function countFailures(state: string, polls: number): void {
  whole.addDimension('state', state);
  add(whole, 'PollsFailed', polls);
  whole.publishStoredMetrics();
}

function countByInstance(outcome: Outcome): void {
  const { instance, stream, artifacts, lagSeconds, latenessSeconds, error } = outcome;
  byInstance.addDimensions({ stream, instance });
  add(byInstance, 'Artifacts', artifacts);
  add(byInstance, 'PollsFailed', error === undefined ? 0 : 1);
  if (lagSeconds !== undefined) add(byInstance, 'Lag', lagSeconds);
  if (latenessSeconds !== undefined) add(byInstance, 'Lateness', latenessSeconds);
  byInstance.publishStoredMetrics();
}

/** Sends the metrics of one run of the forwarder. Its alarm watches the queue. */
export function countForward(outcome: ForwardOutcome, metrics: MetricSet): void {
  if (metrics === 'alarms') return;
  const { accepted, repeats, deadLettered, requests, lagSeconds, error } = outcome;
  byStream.setDefaultDimensions({ stream: 'forwarder' });
  add(byStream, 'Forwarded', accepted);
  add(byStream, 'ForwardRepeats', repeats);
  add(byStream, 'ForwardDeadLettered', deadLettered.length);
  add(byStream, 'ForwardRequests', requests);
  add(byStream, 'ForwardFailed', error !== undefined && accepted === 0 ? 1 : 0);
  add(byStream, 'ForwardLag', lagSeconds);
  publish(byStream);
}
