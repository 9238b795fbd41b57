import { readFileSync } from 'node:fs';

/** What a process has used since it began. Linux only. */
export interface Usage {
  /** Of all its threads, in and for it. */
  readonly cpuMs: number;
  /** The most memory that it ever held. */
  readonly peakMib: number;
}

/** Linux counts processor time in hundredths of a second for every program. */
const tickMs = 10;

export function usageOf(pid: number): Usage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name, in brackets, may hold spaces; user and system time are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const cpuMs = (Number(fields[11]) + Number(fields[12])) * tickMs;
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return { cpuMs, peakMib: Number(peak) / 1024 };
}
