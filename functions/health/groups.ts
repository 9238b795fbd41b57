import { type InstanceHealth, isProblem } from './instance-health.ts';
import { compareLights, type Light } from './verdict.ts';

/** Instances with one problem in common. */
export interface ProblemGroup {
  readonly light: Light;
  readonly word: string;
  /** Of several instances, HOST and NAME stand for what differs, and … for times. */
  readonly error: string | undefined;
  readonly remedy: string | undefined;
  /** Sorted by name. */
  readonly instances: readonly string[];
}

/** Groups red and yellow instances by their worst problem: red first, then the most instances. */
export function groupProblems(all: readonly InstanceHealth[]): ProblemGroup[] {
  const groups = Map.groupBy(all.filter(isProblem), (one) => {
    const { light, word, error, remedy } = generalOf(one);
    return JSON.stringify([light, word, error, remedy]);
  });
  return [...groups.values()]
    .map((group) => {
      const [first] = group as [InstanceHealth];
      const instances = group.map(({ instance }) => instance).sort();
      return { ...(group.length === 1 ? textsOf(first) : generalOf(first)), instances };
    })
    .sort((a, b) => compareLights(a.light, b.light) || b.instances.length - a.instances.length);
}

function textsOf({ worst: { light, word, error, remedy } }: InstanceHealth) {
  return { light, word, error, remedy };
}

function generalOf(one: InstanceHealth) {
  const { error, remedy, ...rest } = textsOf(one);
  return { ...rest, error: error && generalised(error, one), remedy: remedy && generalised(remedy, one) };
}

const isoTime = /\d{4}-\d\d-\d\dT[\d:.]+Z/g;

function generalised(text: string, { host, instance }: InstanceHealth): string {
  const withoutHost = host === '' ? text : text.replaceAll(host, 'HOST');
  const name = new RegExp(`(?<![\\w-])${RegExp.escape(instance)}(?![\\w-])`, 'g');
  return withoutHost.replace(name, 'NAME').replace(isoTime, '…');
}
