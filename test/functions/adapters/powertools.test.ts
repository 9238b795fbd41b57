import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { reports } from '../../../functions/adapters/powertools.ts';
import type { Outcome } from '../../../functions/collect/outcome.ts';
import { noMarks } from '../../../functions/console/marks.ts';
import type { Fleet } from '../../../functions/health/fleet.ts';

const polled: Outcome = {
  instance: 'acme',
  stream: 'threats',
  state: 'ok',
  pages: 1,
  artifacts: 7,
  forgotten: 0,
  marks: noMarks,
  restarted: false,
  smallPages: 0,
  notice: undefined,
  drifted: undefined,
  position: '2026-03-01T12:00:00.000000Z',
  lagSeconds: 3,
  latenessSeconds: 12.5,
  durationMs: 100,
  caughtUp: true,
  hoursChecked: undefined,
  error: undefined,
};
const refused: Outcome = {
  ...polled,
  state: 'unauthorized',
  pages: 0,
  artifacts: 0,
  error: {
    name: 'UnauthorizedError',
    state: 'unauthorized',
    message: 'usea1-acme refuses the token',
    remedy: 'Make a new one.',
  },
};
const fleet: Fleet = {
  instances: 3,
  lights: { red: 1, yellow: 2, green: 0, grey: 4 },
  rejected: 9,
  failing: 9,
  silent: 9,
  quiet: 9,
  expiring: { 1: 9, 7: 9, 14: 9 },
  notices: { rejected: 1, failing: 0, silent: 0, quiet: 0, expiring: { 1: 0, 7: 2, 14: 0 } },
  lagSeconds: 40,
  latenessSeconds: 25,
  tokenExpiryDays: 6.5,
};
const summary = {
  instances: 3,
  due: 2,
  handedOver: 0,
  refusal: undefined,
  isLateShard: false,
  notReached: 0,
  fleet,
};

let lines: string[] = [];
beforeEach(() => {
  lines = [];
  for (const stream of [process.stdout, process.stderr]) {
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      lines.push(...String(text).split('\n').filter(Boolean));
      return true;
    });
  }
});
afterEach(() => vi.restoreAllMocks());

const entries = () => lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line));
const logged = () => entries().filter(({ _aws }) => _aws === undefined);

/** What CloudWatch makes of the lines: values by name and dimensions but for the service. */
function counted(): Record<string, number | number[]> {
  const found: Record<string, number | number[]> = {};
  for (const { _aws, ...values } of entries().filter((entry) => entry._aws !== undefined)) {
    for (const { Namespace, Dimensions, Metrics } of _aws.CloudWatchMetrics) {
      expect(Namespace).toBe('SentinelOneCollector');
      for (const names of Dimensions) {
        const by = names.filter((name: string) => name !== 'service').map((name: string) => values[name]);
        for (const { Name } of Metrics) found[[Name, ...by.sort()].join(' ')] = values[Name];
      }
    }
  }
  return found;
}

const hour = '2026-03-01T10:00:00.000000Z';
const checked = { checkedUntil: hour, completeUntil: hour, hours: 1, missed: [], error: undefined };
const missed = { hour, atConsole: 9, delivered: 4, found: 3, left: 2, lost: 0 };

describe('what a run is told to', () => {
  it('counts by stream what it did, and over all streams how everything is', () => {
    const { report, reportRun } = reports('threats', { metrics: 'full', alarmLagSeconds: 50 });
    report(polled);
    report(refused);
    reportRun(summary);
    expect(counted()).toEqual({
      'Artifacts threats': [7, 0],
      'Pages threats': [1, 0],
      'PollsCompleted threats': [1, 0],
      'PollsFailed threats': [0, 1],
      'PollsFailed unauthorized': 1,
      'InstancesNotReached threats': 0,
      'Instances threats': 3,
      'Lag threats': 40,
      'Lateness threats': 25,
      Lag: 40,
      TokenProblems: 3,
      PollProblems: 0,
      InstancesRed: 1,
      InstancesYellow: 2,
      TokensRejected: 1,
      InstancesFailing: 0,
      InstancesSilent: 0,
      InstancesQuiet: 0,
      TokenExpiryDays: 6.5,
    });
  });

  it('warns of records that were delivered with a mark, and names the first', () => {
    const warnings = () =>
      lines.filter((line) => line.includes('"level":"WARN"')).map((line) => JSON.parse(line));
    const { report } = reports('threats', { metrics: 'full', alarmLagSeconds: 50 });
    report(polled);
    expect(warnings()).toEqual([]);
    report({ ...polled, marks: { malformed: 2, notUtf8: 1, recordIds: ['7', '8'] } });
    expect(warnings()).toMatchObject([
      { instance: 'acme', stream: 'threats', malformed: 2, notUtf8: 1, recordIds: ['7', '8'] },
    ]);
  });

  it('warns once of what a mapping does not know', () => {
    const { report } = reports('threats', { metrics: 'full', alarmLagSeconds: 50 });
    const drifted = {
      day: '2026-03-01',
      news: ['a has a new value: x (3 records)', 'b has a new type: list (1 record)'],
    };
    report({ ...polled, drifted });
    expect(logged().filter(({ level }) => level === 'WARN')).toMatchObject([
      {
        message:
          'sentinelone: threats of acme had what the mapping does not know on 2026-03-01: a has a new value: x (3 records); b has a new type: list (1 record)',
        ...{ instance: 'acme', stream: 'threats', ...drifted },
      },
    ]);
  });

  it('counts the errors of its own run only', () => {
    const { report, reportRun } = reports('threats', { metrics: 'full', alarmLagSeconds: 50 });
    report(refused);
    report(refused);
    reportRun(summary);
    expect(counted()).toMatchObject({ 'PollsFailed unauthorized': 2 });
    lines.length = 0;
    reportRun(summary);
    expect(counted()).not.toHaveProperty('PollsFailed unauthorized');
  });

  it('counts by instance where that is wanted', () => {
    const { report } = reports('threats', { metrics: 'per-instance', alarmLagSeconds: 50 });
    report(polled);
    report({ ...refused, instance: 'globex', lagSeconds: undefined });
    expect(counted()).toMatchObject({
      'Artifacts acme threats': 7,
      'PollsFailed acme threats': 0,
      'Lag acme threats': 3,
      'Lateness acme threats': 12.5,
      'Artifacts globex threats': 0,
      'PollsFailed globex threats': 1,
    });
  });

  it('ends with a line that says how all instances are', () => {
    reports('threats', { metrics: 'alarms', alarmLagSeconds: 50 }).reportRun(summary);
    expect(logged()).toMatchObject([
      {
        message: 'sentinelone: run of threats ended',
        ...{ stream: 'threats', instances: 3, due: 2, notReached: 0, red: 1, yellow: 2 },
        ...{ fleetLagSeconds: 40, fleetLatenessSeconds: 25, tokenExpiryDays: 6.5 },
      },
    ]);
  });

  describe('where only alarms need metrics', () => {
    const alarms = () => reports('threats', { metrics: 'alarms', alarmLagSeconds: 50 });
    const quiet = { rejected: 0, failing: 0, silent: 0, quiet: 0, expiring: { 1: 0, 7: 0, 14: 0 } };

    it('counts nothing while all is well', () => {
      const { report, reportRun } = alarms();
      report(polled);
      report({ ...polled, hoursChecked: checked });
      report(refused);
      reportRun({ ...summary, fleet: { ...fleet, notices: quiet } });
      expect(counted()).toEqual({});
    });

    it('counts what an alarm is about, over all streams, as long as it lasts', () => {
      const { report, reportRun } = alarms();
      report({ ...polled, hoursChecked: { ...checked, error: refused.error } });
      report({ ...polled, hoursChecked: { ...checked, missed: [missed] } });
      const notices = { rejected: 1, failing: 2, silent: 3, quiet: 4, expiring: { 1: 5, 7: 6, 14: 7 } };
      reportRun({ ...summary, fleet: { ...fleet, notices, lagSeconds: 50 } });
      expect(counted()).toEqual({
        TokenProblems: 1 + 5 + 6 + 7,
        PollProblems: 2 + 3,
        InstancesQuiet: 4,
        Lag: 50,
        HoursNotChecked: 1,
        RecordsMissing: 5,
      });
      lines.length = 0;
      reportRun({ ...summary, fleet: { ...fleet, notices: quiet, lagSeconds: 49 } });
      expect(counted()).toEqual({});
    });
  });

  it('counts nothing of what is switched off', () => {
    reports('threats', { metrics: 'per-instance', alarmLagSeconds: 50 }).report({
      ...polled,
      state: 'disabled',
    });
    expect(counted()).toEqual({});
    expect(logged()).toMatchObject([{ message: 'sentinelone: threats of acme disabled' }]);
  });

  it('says that past hours were not checked, why, and what to do, and counts it', () => {
    const { report, reportRun } = reports('threats', { metrics: 'full', alarmLagSeconds: 50 });
    const error = {
      name: 'UnreachableError',
      state: 'unreachable' as const,
      message: '503',
      remedy: 'Wait.',
    };
    report({ ...polled, hoursChecked: { ...checked, hours: 0, error } });
    expect(logged()).toMatchObject([
      { level: 'INFO', message: 'sentinelone: fetched 7 threats' },
      {
        level: 'WARN',
        message: 'sentinelone: past hours of threats of acme not checked: 503. Wait.',
        errorName: 'UnreachableError',
        remedy: 'Wait.',
      },
    ]);
    reportRun(summary);
    expect(counted()).toMatchObject({ HoursNotChecked: 1, RecordsMissing: 0 });
  });

  it('says what was missing in which hour, and counts it', () => {
    const { report, reportRun } = reports('threats', { metrics: 'full', alarmLagSeconds: 50 });
    report({ ...polled, hoursChecked: checked });
    report({ ...polled, hoursChecked: { ...checked, missed: [missed, { ...missed, left: 0 }] } });
    const lines = logged().filter(({ message }) => /checked|missing/.test(message));
    const start = `sentinelone: missing threats of acme from ${hour}: 9 at the console, 4 delivered:`;
    expect(lines.map(({ level, message }) => `${level} ${message}`)).toEqual([
      `INFO sentinelone: checked threats until ${hour}: nothing is missing`,
      `ERROR ${start} the hour was read again, 3 found, 2 left`,
      `ERROR ${start} the hour was read again, 3 found, 0 left`,
    ]);
    reportRun(summary);
    expect(counted()).toMatchObject({ RecordsMissing: [0, 8], HoursNotChecked: [0, 0] });
  });

  it('counts the hours of a shard with its run, although a shard knows no fleet', () => {
    const { report, reportRun } = reports('threats', { metrics: 'full', alarmLagSeconds: 50 });
    report({ ...polled, hoursChecked: { ...checked, missed: [missed] } });
    report(refused);
    reportRun({ ...summary, fleet: undefined });
    expect(counted()).toMatchObject({ RecordsMissing: 5, HoursNotChecked: 0, 'PollsFailed unauthorized': 1 });
    expect(counted()).not.toHaveProperty('RecordsMissing unauthorized');
    expect(counted()).not.toHaveProperty('InstancesRed');
  });

  it('warns of instances that were not reached', () => {
    reports('threats', { metrics: 'full', alarmLagSeconds: 50 }).reportRun({ ...summary, notReached: 2 });
    expect(logged()).toMatchObject([
      {
        level: 'WARN',
        message: 'sentinelone: 2 instances were not reached by this run of threats',
        instances: 3,
        due: 2,
        notReached: 2,
      },
      { level: 'INFO', message: 'sentinelone: run of threats ended' },
    ]);
    expect(counted()).toMatchObject({ 'InstancesNotReached threats': 2 });
  });

  it('says what further runs poll, warns of one that began late, and leaves the fleet to the first run', () => {
    const { reportRun } = reports('threats', { metrics: 'full', alarmLagSeconds: 50 });
    reportRun({ ...summary, handedOver: 400 });
    expect(counted()).toHaveProperty('Instances threats');
    reportRun({ ...summary, refusal: 'throttled' });
    reportRun({ ...summary, isLateShard: true, fleet: undefined });
    const others = logged().filter(({ message }) => !message.startsWith('sentinelone: run of'));
    expect(others).toMatchObject([
      { level: 'INFO', message: 'sentinelone: 400 instances are polled by further runs of threats', due: 2 },
      {
        level: 'WARN',
        message:
          "sentinelone: further runs of threats can't be started, and this one polls in their place: throttled",
      },
      { level: 'WARN', message: 'sentinelone: a further run of threats began late', due: 2 },
    ]);
    expect(counted()).toMatchObject({ 'LateShards threats': 1 });
  });
});
