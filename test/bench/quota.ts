import { mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const periodMicros = 100_000;

/** By version of Linux's control groups: where a group is made, and the files that limit its processor time. */
const versions: readonly (readonly [folder: string, files: (micros: number) => Record<string, string>])[] = [
  [
    '/sys/fs/cgroup/cpu',
    (micros) => ({ 'cpu.cfs_period_us': String(periodMicros), 'cpu.cfs_quota_us': String(micros) }),
  ],
  ['/sys/fs/cgroup', (micros) => ({ 'cpu.max': `${micros} ${periodMicros}` })],
];

/** Gives a process a part of one core. Returns how to remove the group after it has ended; undefined without the right. */
export function limitCores(pid: number, cores: number): (() => void) | undefined {
  for (const [folder, files] of versions) {
    const group = join(folder, `bench-${pid}`);
    try {
      mkdirSync(group);
      const limits = files(Math.round(cores * periodMicros));
      for (const [name, value] of Object.entries({ ...limits, 'cgroup.procs': String(pid) }))
        writeFileSync(join(group, name), value, { flag: 'r+' });
      return () => rmdirSync(group);
    } catch {
      try {
        rmdirSync(group);
      } catch {
        // It was not made.
      }
    }
  }
  return undefined;
}
