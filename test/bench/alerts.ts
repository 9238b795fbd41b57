import { alerts } from '../../functions/streams/alerts.ts';
import { drain, dynamoCalls } from './drain.ts';
import { median, withSpread } from './numbers.ts';
import { quietPoll } from './quiet.ts';
import { atLeast, atMost, type Report, table } from './report.ts';
import { type Measured, startStage } from './stage.ts';

/** Unified alerts over GraphQL, at the rate that the limiter allows. */
export async function benchAlerts(rounds: number, records = 100_000): Promise<Report> {
  const [stage, all] = [await startStage(1, { skims: true }), [] as Measured[]];
  try {
    for (let round = 0; round < rounds; round++) all.push(await drain(stage, alerts.name, records, 50, {}));
  } finally {
    await stage.close();
  }
  const limit = alerts.requestsPerSecond * alerts.pageSize;
  const rates = all.map(({ wallMs }) => (records / wallMs) * 1000);
  const share = median(rates) / limit;
  const each = (of: (measured: Measured) => number, digits = 0) =>
    withSpread(
      all.map((measured) => (of(measured) / records) * 1000),
      digits,
    );
  const quiet = await quietPoll(100, alerts.name);
  return {
    title: 'Alerts',
    shown: [
      atMost('quiet instance, one poll of alerts: console requests', 1, quiet.console.requests / 100),
      atMost('quiet instance, one poll of alerts: DynamoDB calls', 3, dynamoCalls(quiet) / 100),
      atLeast(
        `records a second, limiter on, ${records} alerts at 50 ms latency / the limiter's rate`,
        0.95,
        share,
      ),
    ],
    text: `${table(
      ['', 'records/s', `of ${limit}`, 'console requests per 1,000', 'CPU ms per 1,000', 'peak MiB'],
      [
        [
          `${records} alerts, 50 ms`,
          withSpread(rates),
          share.toFixed(3),
          each(({ console }) => console.requests, 2),
          each(({ cpuMs }) => cpuMs),
          withSpread(all.map(({ peakMib }) => peakMib)),
        ],
      ],
    )}

By default a console is asked for ${alerts.requestsPerSecond} pages of ${alerts.pageSize} alerts a second.`,
  };
}
