import type { Template } from '../../local/aws/template.ts';

/** One value of one metric, as it was sent. */
interface Sample {
  readonly at: number;
  readonly value: number;
}

/** Metrics by namespace, name and dimensions. */
export class MetricStore {
  readonly #samples = new Map<string, Sample[]>();

  put(
    namespace: string,
    name: string,
    dimensions: Readonly<Record<string, string>>,
    at: number,
    value: number,
  ) {
    const key = keyOf(namespace, name, dimensions);
    const samples = this.#samples.get(key) ?? [];
    samples.push({ at, value });
    this.#samples.set(key, samples);
  }

  /** Takes a line that a function printed, if it is one in the embedded metric format. */
  take(line: Readonly<Record<string, unknown>>): void {
    if (line._aws === undefined) return;
    const { Timestamp, CloudWatchMetrics } = line._aws as Embedded;
    for (const { Namespace, Dimensions, Metrics } of CloudWatchMetrics) {
      for (const names of Dimensions) {
        const dimensions = Object.fromEntries(names.map((name) => [name, String(line[name])]));
        for (const { Name } of Metrics) {
          for (const value of [line[Name]].flat())
            this.put(Namespace, Name, dimensions, Timestamp, Number(value));
        }
      }
    }
  }

  /** After `from`, up to and with `to`. */
  values(key: string, from: number, to: number): number[] {
    return (this.#samples.get(key) ?? []).filter(({ at }) => at > from && at <= to).map(({ value }) => value);
  }
}

interface Embedded {
  readonly Timestamp: number;
  readonly CloudWatchMetrics: readonly {
    readonly Namespace: string;
    readonly Dimensions: readonly (readonly string[])[];
    readonly Metrics: readonly { readonly Name: string }[];
  }[];
}

function keyOf(namespace: string, name: string, dimensions: Readonly<Record<string, string>>): string {
  const sorted = Object.entries(dimensions).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([namespace, name, sorted]);
}

type AlarmState = 'OK' | 'ALARM' | 'INSUFFICIENT_DATA';

/** A value for each window, newest first; undefined where there is no data. */
type Series = readonly (number | undefined)[];

interface MetricStat {
  readonly Metric: {
    readonly Namespace: string;
    readonly MetricName: string;
    readonly Dimensions: readonly { readonly Name: string; readonly Value: unknown }[];
  };
  readonly Period: number;
  readonly Stat: string;
}

interface MetricAlarm {
  readonly AlarmName: string;
  readonly AlarmActions?: unknown[];
  readonly ComparisonOperator: string;
  readonly Threshold: number;
  readonly EvaluationPeriods: number;
  readonly DatapointsToAlarm?: number;
  readonly TreatMissingData?: string;
  readonly Metrics?: readonly {
    readonly Id: string;
    readonly Expression?: string;
    readonly MetricStat?: MetricStat;
    readonly ReturnData: boolean;
  }[];
  readonly Namespace?: string;
  readonly MetricName?: string;
  readonly Dimensions?: MetricStat['Metric']['Dimensions'];
  readonly Period?: number;
  readonly Statistic?: string;
}

export interface CloudWatchOptions {
  readonly template: Template;
  readonly store: MetricStore;
  /** What a reference in a dimension stands for. */
  readonly resolve: (value: unknown) => string;
  /**
   * Where the documentation leaves room, takes the other reading: FILL makes no values where a metric has none at all
   * in what is looked at, and `ignore` keeps the state whenever a missing value could have changed it.
   */
  readonly otherReading?: boolean;
}

/**
 * The alarms of a template, evaluated as CloudWatch documents it, over metrics that were sent.
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
 */
export class CloudWatch {
  readonly #options: CloudWatchOptions;
  readonly #metricAlarms: ReadonlyMap<string, MetricAlarm>;
  /** By logical id. */
  readonly #states = new Map<string, AlarmState>();
  /** Names of alarms that someone was told of, in order. */
  readonly told: string[] = [];

  constructor(options: CloudWatchOptions) {
    this.#options = options;
    this.#metricAlarms = new Map(
      Object.entries(options.template.Resources)
        .filter(([, { Type }]) => Type === 'AWS::CloudWatch::Alarm')
        .map(([id, { Properties }]) => [id, Properties as unknown as MetricAlarm]),
    );
    for (const id of this.#metricAlarms.keys()) this.#states.set(id, 'INSUFFICIENT_DATA');
  }

  /** What CloudWatch does once a minute. */
  evaluate(now: number): void {
    for (const [id, alarm] of this.#metricAlarms) this.#become(id, alarm, this.#stateOf(id, alarm, now));
  }

  /** The alarms that someone hears of and that are raised now. */
  get raised(): string[] {
    return [...this.#metricAlarms]
      .filter(([id, { AlarmActions }]) => AlarmActions !== undefined && this.#states.get(id) === 'ALARM')
      .map(([, { AlarmName }]) => AlarmName);
  }

  #become(id: string, { AlarmName, AlarmActions }: MetricAlarm, state: AlarmState): void {
    if (state === 'ALARM' && this.#states.get(id) !== 'ALARM' && AlarmActions !== undefined)
      this.told.push(AlarmName);
    this.#states.set(id, state);
  }

  #stateOf(id: string, alarm: MetricAlarm, now: number): AlarmState {
    const { EvaluationPeriods: wanted, DatapointsToAlarm: enough = wanted } = alarm;
    // Beyond the evaluation periods CloudWatch looks further back for what is missing: by two, in its examples.
    const series = this.#series(alarm, now, wanted + 2);
    const present = series.filter((value) => value !== undefined).slice(0, wanted);
    const breaching = present.filter((value) => compares(alarm, value)).length;
    const missing = wanted - present.length;
    const before = this.#states.get(id) ?? 'INSUFFICIENT_DATA';
    if (breaching >= enough) return 'ALARM';
    if (missing === 0) return 'OK';
    const undecided = this.#options.otherReading === true || breaching === present.length;
    // Of those that are filled in, all are as TreatMissingData says.
    const treatments: Readonly<Record<string, () => AlarmState>> = {
      breaching: () => (breaching + missing >= enough ? 'ALARM' : 'OK'),
      notBreaching: () => 'OK',
      ignore: () => (undecided && breaching + missing >= enough ? before : 'OK'),
    };
    const treated = treatments[alarm.TreatMissingData ?? 'missing'];
    if (treated === undefined)
      throw new Error(`${alarm.AlarmName}: ${alarm.TreatMissingData} is not evaluated here`);
    return treated();
  }

  #series(alarm: MetricAlarm, now: number, length: number): Series {
    const { Namespace = '', MetricName = '', Dimensions = [], Period = 0, Statistic = '' } = alarm;
    const own: MetricStat = { Metric: { Namespace, MetricName, Dimensions }, Period, Stat: Statistic };
    if (alarm.Metrics === undefined) return this.#metric(own, now, length);
    const known = new Map<string, Series>();
    for (const { Id, MetricStat } of alarm.Metrics)
      if (MetricStat !== undefined) known.set(Id, this.#metric(MetricStat, now, length));
    const returned = alarm.Metrics.find(({ ReturnData }) => ReturnData);
    if (returned?.Expression === undefined) return known.get(returned?.Id ?? '') ?? [];
    const { Period: seconds = 0 } = alarm.Metrics.find(({ MetricStat }) => MetricStat)?.MetricStat ?? {};
    const hourOf = (i: number) => new Date(now - (i + 1) * seconds * 1000).getUTCHours();
    return calculate(returned.Expression, known, length, hourOf, this.#options.otherReading !== true);
  }

  #metric({ Metric, Period, Stat }: MetricStat, now: number, length: number): Series {
    const { store, resolve } = this.#options;
    const dimensions = Metric.Dimensions.map(({ Name, Value }) => [Name, resolve(Value)]);
    const key = keyOf(Metric.Namespace, Metric.MetricName, Object.fromEntries(dimensions));
    return Array.from({ length }, (_, i) => {
      const to = now - i * Period * 1000;
      const values = store.values(key, to - Period * 1000, to);
      return values.length === 0 ? undefined : statistic(Stat, values);
    });
  }
}

function statistic(name: string, values: readonly number[]): number {
  switch (name) {
    case 'Sum':
      return values.reduce((sum, value) => sum + value, 0);
    case 'Maximum':
      return Math.max(...values);
    case 'Minimum':
      return Math.min(...values);
    default:
      throw new Error(`the statistic ${name} is not evaluated here`);
  }
}

function compares({ ComparisonOperator, Threshold }: MetricAlarm, value: number): boolean {
  switch (ComparisonOperator) {
    case 'GreaterThanOrEqualToThreshold':
      return value >= Threshold;
    default:
      throw new Error(`${ComparisonOperator} is not evaluated here`);
  }
}

/**
 * The kinds of expressions that the alarms have.
 * @param hourOf the hour of the day in which a window begins
 * @param fillsEmpty whether FILL makes values where a metric has none at all
 */
function calculate(
  expression: string,
  known: ReadonlyMap<string, Series>,
  length: number,
  hourOf: (window: number) => number,
  fillsEmpty: boolean,
): Series {
  const windows = Array.from({ length }, (_, i) => i);
  const filled = (id: string): Series => {
    const series = known.get(id) ?? [];
    const isEmpty = series.every((value) => value === undefined);
    return windows.map((i) => series[i] ?? (isEmpty && !fillsEmpty ? undefined : 0));
  };
  const of = (ids: readonly string[], value: (...values: number[]) => number): Series => {
    const all = ids.map(filled);
    return windows.map((i) => {
      const values = all.map((series) => series[i]).filter((one) => one !== undefined);
      return values.length < all.length ? undefined : value(...values);
    });
  };
  switch (expression) {
    case 'FILL(value, 0)':
      return of(['value'], (value) => value);
    case 'IF(FILL(errors, 1) < 1, 0, 1)':
      return windows.map((i) => {
        const series = known.get('errors') ?? [];
        const isEmpty = series.every((value) => value === undefined);
        const value = series[i] ?? (isEmpty && !fillsEmpty ? undefined : 1);
        return value === undefined ? undefined : Number(value >= 1);
      });
    case 'IF(FILL(visible, 0) + FILL(hidden, 0) > 0 AND FILL(deleted, 0) < 1, 1, 0)':
      return of(['visible', 'hidden', 'deleted'], (visible, hidden, deleted) =>
        Number(visible + hidden > 0 && deleted < 1),
      );
    case 'IF(HOUR(value) == 6 OR HOUR(value) == 7, 0, value)':
      return windows.map((i) => {
        const value = known.get('value')?.[i];
        return value !== undefined && [6, 7].includes(hourOf(i)) ? 0 : value;
      });
    default:
      throw new Error(`${expression} is not evaluated here`);
  }
}
