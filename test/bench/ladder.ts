import { simulatedFleet } from '../../local/console/fleet/simulated-fleet.ts';

/** Records evenly spaced in time, each made when it is asked for. */
export interface Ladder {
  readonly count: number;
  /** Of the first record, microseconds since 1970. */
  readonly firstMicros: number;
  readonly stepMicros: number;
}

/** The field that moves a listing, as the records hold it. */
const timeFields: { readonly [stream: string]: string } = {
  threats: 'updatedAt',
  activities: 'createdAt',
  agents: 'updatedAt',
  alerts: 'updatedAt',
};

/** A record's text in parts, with `id` and `time` for parts of their own. */
type Mould = readonly string[];

/** Is in no JSON text. */
const cut = '\u0000';

/** Of activities those that are small enough are kept, so that they have 1.1 KB on average, as in recorded answers. */
const averageBytes: { readonly [stream: string]: number } = { activities: 1100 };

const samples = 128;

/** Moulds of each stream, from records as the simulated console's fleet makes them. */
export function moulds(): ReadonlyMap<string, readonly Mould[]> {
  const texts = new Map(Object.keys(timeFields).map((stream) => [stream, new Map<string, string>()]));
  const shelf = {
    put: (stream: string, text: string) => {
      texts.get(stream)?.set(JSON.parse(text).id, text);
    },
    add: () => undefined,
    remove: () => undefined,
  };
  const fleet = { seed: 'bench', agents: 200, historyHours: 24, threatsPerDay: 200, loginsPerDay: 300 };
  simulatedFleet(fleet).start(shelf, Date.UTC(2026, 0, 1));
  return new Map(
    [...texts].map(([stream, byId]) => [
      stream,
      chosen([...byId.values()], averageBytes[stream]).map((text) => mouldOf(text, timeFields[stream] ?? '')),
    ]),
  );
}

function chosen(texts: readonly string[], average = Number.POSITIVE_INFINITY): string[] {
  const bySize = texts.toSorted((a, b) => Buffer.byteLength(a) - Buffer.byteLength(b));
  let bytes = 0;
  const kept = bySize.filter((text, i) => {
    bytes += Buffer.byteLength(text);
    return bytes / (i + 1) <= average;
  });
  const every = Math.max(1, Math.floor(kept.length / samples));
  return kept.filter((_, i) => i % every === 0).slice(0, samples);
}

function mouldOf(text: string, field: string): Mould {
  const { id, threatInfo, ...record } = JSON.parse(text);
  const time = threatInfo?.[field] ?? record[field];
  const marked = text
    .replaceAll(id, `${cut}id${cut}`)
    .replace(`"${field}":"${time}"`, `"${field}":"${cut}time${cut}"`);
  return marked.split(cut);
}

/** The text of a ladder's record number `i`. Times have six fraction digits, or fewer. */
export function recordText(
  forms: readonly Mould[],
  { firstMicros, stepMicros }: Ladder,
  i: number,
  digits = 6,
): string {
  const mould = forms[i % forms.length];
  if (mould === undefined) throw new Error('there is no mould');
  const id = String(10n ** 18n + BigInt(i));
  const time = `${written(firstMicros + i * stepMicros).slice(0, 20 + digits)}Z`;
  return mould.map((part) => (part === 'id' ? id : part === 'time' ? time : part)).join('');
}

function written(micros: number): string {
  const iso = new Date(Math.floor(micros / 1000)).toISOString();
  return `${iso.slice(0, 23)}${String(Math.floor(micros) % 1000).padStart(3, '0')}Z`;
}

/** Microseconds since 1970 of a timestamp with six fraction digits. */
export function microsOf(time: string): number {
  return Date.parse(`${time.slice(0, 23)}Z`) * 1000 + Number(time.slice(23, 26));
}

/** How many records are there at `nowMicros`. */
export function visible({ count, firstMicros, stepMicros }: Ladder, nowMicros: number): number {
  return Math.max(0, Math.min(count, Math.floor((nowMicros - firstMicros) / stepMicros) + 1));
}

/** The number of the first record at or after `micros`. */
export function firstFrom({ firstMicros, stepMicros }: Ladder, micros: number): number {
  return Math.max(0, Math.ceil((micros - firstMicros) / stepMicros));
}
