/** Problems that a poll reports without failing: the verdict's word, the remedy, and whether it raises an alarm. */
export const notices = {
  filter: {
    word: 'filter ignored',
    isAlarm: true,
    remedy:
      'Report to SentinelOne support that the console ignores the time filter, or remove the proxy that drops it. Until then its records are read again at each poll, and those beyond the memory are delivered again with the same ids.',
  },
  'small-pages': {
    word: 'small pages',
    isAlarm: true,
    remedy:
      'No data is lost: each poll continues where the one before it ended. If it persists, report to SentinelOne support that the console sends almost empty pages.',
  },
  clock: {
    word: 'wrong clock',
    isAlarm: false,
    remedy:
      "Correct the console's clock, or that of the proxy in the network path. No data is lost: positions stay behind both clocks, and more records than usual are read again.",
  },
} as const;

export interface Notice {
  readonly kind: keyof typeof notices;
  readonly detail: string;
}
