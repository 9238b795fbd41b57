import { Logger } from '@aws-lambda-powertools/logger';
import type { Suspect } from '../collect/bounds/quarantine.ts';
import type { HoursChecked } from '../collect/ledger/ledger.ts';
import type { Outcome } from '../collect/outcome.ts';
import type { ReplayProgress } from '../collect/replay.ts';
import type { RunSummary } from '../collect/run.ts';
import type { CheckReport } from '../console/check/check.ts';
import type { ForwardOutcome } from '../forward/ports.ts';
import type { MetricSet } from '../health/metrics.ts';
import { notices } from '../health/notices.ts';
import type { Change } from '../health/status.ts';
import { countForward, runMetrics } from './metrics.ts';

// Powertools reads its service name from POWERTOOLS_SERVICE_NAME, which is the stack's name.
export const logger = new Logger();
/** Writes log lines and metrics. They contain no token, header or record. */
export interface Reports {
  readonly report: (outcome: Outcome) => void;
  /** Reports an instance that may end the run, before its poll. */
  readonly reportSuspect: (suspect: Suspect) => void;
  readonly reportChange: (change: Change, problem?: unknown) => void;
  readonly reportRun: (summary: RunSummary) => void;
}

/** Which metrics are sent, and from which lag on one is sent that alarms watch only. */
export interface Reporting {
  readonly metrics: MetricSet;
  readonly alarmLagSeconds: number;
}

/** Reports on one stream. */
export function reports(stream: string, reporting: Reporting): Reports {
  const counts = runMetrics(stream, reporting);
  return {
    report(outcome) {
      log(outcome);
      counts.count(outcome);
    },
    reportSuspect({ instance, killedRuns }) {
      const ended = killedRuns === 1 ? 'a run' : `${killedRuns} runs in a row`;
      const so = `sentinelone: ${ended} ended while ${stream} of ${instance} were polled: they are polled last and alone`;
      logger.warn(so, { instance, stream, killedRuns });
    },
    reportChange(change, problem) {
      const { instance, from, to } = change;
      logger.info(`sentinelone: state of ${stream} of ${instance}: ${from} -> ${to}`, { ...change });
      if (problem === undefined) return;
      logger.warn(`sentinelone: the history lacks a change of ${stream} of ${instance}: ${String(problem)}`, {
        instance,
        stream,
      });
    },
    reportRun(summary) {
      logRun(stream, summary);
      counts.countRun(summary);
    },
  };
}

function logRun(stream: string, summary: RunSummary): void {
  const { instances, due, notReached, fleet } = summary;
  if (notReached > 0) {
    const so = `sentinelone: ${notReached} instances were not reached by this run of ${stream}`;
    logger.warn(so, { instances, due, notReached });
  }
  logShards(stream, summary);
  // The dashboard draws the state of all instances from these lines.
  if (fleet === undefined) return;
  const { red, yellow } = fleet.lights;
  logger.info(`sentinelone: run of ${stream} ended`, {
    ...{ stream, instances, due, notReached, red, yellow },
    fleetLagSeconds: fleet.lagSeconds,
    fleetLatenessSeconds: fleet.latenessSeconds,
    tokenExpiryDays: fleet.tokenExpiryDays,
  });
}

function logShards(stream: string, { due, handedOver, refusal, isLateShard }: RunSummary): void {
  if (handedOver > 0) {
    logger.info(`sentinelone: ${handedOver} instances are polled by further runs of ${stream}`, { due });
  }
  if (refusal !== undefined) {
    const so = `further runs of ${stream} can't be started, and this one polls in their place`;
    logger.warn(`sentinelone: ${so}: ${refusal}`, { due });
  }
  if (!isLateShard) return;
  logger.warn(`sentinelone: a further run of ${stream} began late`, { due });
}

function log(outcome: Outcome): void {
  const {
    error,
    forgotten,
    marks,
    restarted,
    hoursChecked,
    notice,
    smallPages,
    latenessSeconds,
    drifted,
    ...fields
  } = outcome;
  const { instance, stream, state, artifacts } = fields;
  if (state === 'disabled') {
    logger.info(`sentinelone: ${stream} of ${instance} disabled`, fields);
    return;
  }
  if (restarted) {
    logger.warn(
      `sentinelone: host or filters of ${instance} changed: ${stream} start again from the look-back`,
      fields,
    );
  }
  if (error === undefined || fields.pages > 0) {
    logger.info(`sentinelone: fetched ${artifacts} ${stream}`, fields);
  }
  if (error !== undefined) {
    const level = state === 'not-licensed' ? 'warn' : 'error';
    logger[level](`sentinelone: ${stream} of ${instance} ${state}: ${error.message}. ${error.remedy}`, {
      ...fields,
      errorName: error.name,
      remedy: error.remedy,
    });
  }
  if (notice !== undefined) {
    const { remedy } = notices[notice.kind];
    const so = `sentinelone: ${stream} of ${instance}: ${notice.detail}. ${remedy}`;
    logger.warn(so, { ...fields, notice: notice.kind, remedy });
  }
  if (forgotten > 0) {
    logger.warn(
      `sentinelone: ${forgotten} ${stream} more than the memory holds may be delivered again`,
      fields,
    );
  }
  const { malformed, notUtf8, recordIds } = marks;
  if (recordIds.length > 0) {
    logger.warn(
      `sentinelone: ${stream} of ${instance} delivered with a mark: ${malformed} not valid JSON, ${notUtf8} not UTF-8`,
      { ...fields, malformed, notUtf8, recordIds },
    );
  }
  if (drifted !== undefined) {
    const so = `sentinelone: ${stream} of ${instance} had what the mapping does not know on ${drifted.day}: ${drifted.news.join('; ')}`;
    logger.warn(so, { instance, stream, ...drifted });
  }
  if (hoursChecked !== undefined) logHours(outcome, hoursChecked);
}

function logHours({ instance, stream }: Outcome, { hours, checkedUntil, missed, error }: HoursChecked): void {
  const fields = { instance, stream };
  if (error !== undefined) {
    const { name, message, remedy } = error;
    const so = `sentinelone: past hours of ${stream} of ${instance} not checked: ${message}. ${remedy}`;
    logger.warn(so, { ...fields, errorName: name, remedy });
  }
  if (hours > 0 && missed.length === 0) {
    const so = `sentinelone: checked ${stream} until ${checkedUntil}: nothing is missing`;
    logger.info(so, { ...fields, hours, checkedUntil });
  }
  for (const { hour, atConsole, delivered, found, left, lost } of missed) {
    const again = 'the hour was read again';
    const counts =
      lost > 0
        ? `${lost} of ${delivered} in the queue were not accepted by Analytics: ${again}`
        : `${atConsole} at the console, ${delivered} delivered: ${again}, ${found} found, ${left} left`;
    const so = `sentinelone: missing ${stream} of ${instance} from ${hour}: ${counts}`;
    logger.error(so, { ...fields, hour, atConsole, delivered, found, left, lost });
  }
}

interface OperatorAction {
  readonly action: 'check' | 'replay';
  readonly instance: string;
  /** Undefined if the record has no allowed host. */
  readonly host: string | undefined;
  /** As the caller states it; CloudTrail has the verified identity. */
  readonly askedBy: string;
  readonly [detail: string]: unknown;
}

/** Logs a request before it is carried out, because a function that is killed logs nothing. */
export function reportAction(action: OperatorAction): void {
  logger.info(`sentinelone: ${action.action} of ${action.instance} requested by ${action.askedBy}`, action);
}

export function reportCheck(action: OperatorAction, { findings }: CheckReport): void {
  const failed = findings.filter(({ outcome }) => outcome === 'failed').map(({ what }) => what);
  const outcome = failed.length === 0 ? 'ok' : `failed: ${failed.join(', ')}`;
  logger.info(`sentinelone: check of ${action.instance} ${outcome}`, { ...action, outcome });
}

/** Logs one invocation of a replay. It does not count in the metrics of polls. */
export function reportReplay(action: OperatorAction, progress: ReplayProgress): void {
  const { state, artifacts, position, error } = progress;
  const fields = { ...action, state, artifacts, position };
  const so = `sentinelone: replay of ${action.stream} of ${action.instance} ${state}, ${artifacts} artifacts so far`;
  if (error === undefined) logger.info(so, fields);
  else logger.error(`${so}: ${error.message}. ${error.remedy}`, { ...fields, remedy: error.remedy });
}

/** Writes the log lines and metrics of one run of the forwarder. */
export function reportForward(outcome: ForwardOutcome, metrics: MetricSet): void {
  const { error, warnings, deadLettered, ...fields } = outcome;
  const counts = { ...fields, deadLettered: deadLettered.length };
  if (error === undefined || fields.accepted > 0) {
    logger.info(`sentinelone: forwarded ${fields.accepted} artifacts`, counts);
  }
  if (error !== undefined) {
    logger.error(`sentinelone: forwarder ${fields.state}: ${error.message}. ${error.remedy}`, {
      ...counts,
      errorName: error.name,
      remedy: error.remedy,
    });
  }
  for (const { id, reason } of deadLettered) {
    logger.error(`sentinelone: ${id} is in the dead-letter queue: ${reason}`, { id, reason });
  }
  for (const warning of warnings) logger.warn(`sentinelone: forwarder: ${warning}`, counts);
  countForward(outcome, metrics);
}
