/** Loaded before a function: each time that its process is thawed, it is five hours later for it. */
const frozenMs = 5 * 3_600_000;
const machine = Date;
let aheadMs = 0;

globalThis.Date = class extends machine {
  constructor(...given: unknown[]) {
    super(...((given.length === 0 ? [machine.now() + aheadMs] : given) as [number]));
  }

  static override now(): number {
    return machine.now() + aheadMs;
  }
} as DateConstructor;

process.on('SIGCONT', () => {
  aheadMs += frozenMs;
  process.stdout.write('thawed\n');
});
