/** Messages and records of the greatest weight that Lambda, SQS and the overflow bucket let through. */
export interface Heavy {
  readonly name: string;
  /** Bodies of one invocation's messages. */
  readonly bodies: readonly string[];
  /** Records in the bucket, by key: parts that follow each other. */
  readonly objects: Readonly<Record<string, readonly Uint8Array[]>>;
  /** What Analytics answers, by route. */
  readonly answers?: Readonly<Partial<Record<'ingest' | 'search', string>>>;
}

const mebibyte = 1024 * 1024;

const metadata = (i: number) => ({
  id: `acme/threats/${i}`,
  instance: 'acme',
  stream: 'threats',
  recordId: String(i),
});

const artifact = (i: number, raw: string, more: Readonly<Record<string, unknown>> = {}) => ({
  source: 'sentinelone',
  raw,
  metadata: { ...metadata(i), ...more },
});

/** One message for each, with an artifact whose record is in the bucket: `unit` again and again, up to so many MiB. */
function elsewhere(name: string, count: number, mib: number, unit: string | Buffer): Heavy {
  const part = Buffer.alloc(mebibyte, unit);
  const keys = Array.from({ length: count }, (_, i) => `acme/threats/${i}.json`);
  return {
    name,
    bodies: keys.map((key, i) =>
      JSON.stringify({ artifacts: [artifact(i, '{}', { rawLocation: `s3://overflow/${key}` })] }),
    ),
    objects: Object.fromEntries(keys.map((key) => [key, Array<Uint8Array>(mib).fill(part)])),
  };
}

/** As many messages as fit into one event, each as large as it may be there. */
function messages(name: string, body: (bytes: number, nth: number) => string): Heavy {
  // Quotes and backslashes are escaped once more in the event, which has 6 MB.
  const escaped = (text: string) => Buffer.byteLength(JSON.stringify(text));
  const largest = (nth: number): string => {
    let bytes = mebibyte;
    let text = body(bytes, nth);
    while (escaped(text) > mebibyte) {
      bytes = Math.floor((bytes * mebibyte) / escaped(text)) - 1024;
      text = body(bytes, nth);
    }
    return text;
  };
  return { name, bodies: Array.from({ length: 5 }, (_, nth) => largest(nth)), objects: {} };
}

const filled = (unit: string, bytes: number) => unit.repeat(Math.max(1, Math.floor(bytes / unit.length)));
const list = (items: string) => `{"artifacts":[${items.replace(/,$/, '')}]}`;
const nested = (bytes: number) => `${'['.repeat(bytes / 2)}${']'.repeat(bytes / 2)}`;
const keys = (bytes: number) =>
  Object.fromEntries(Array.from({ length: bytes / 14 }, (_, i) => [`k${i.toString(36)}`, 'x']));

const inPart = JSON.stringify({ success: true, message: '', data: { accepted: 1, rejected: 19 } });
const found = (unit: string) =>
  `{"success":true,"data":{"artifacts":${list(filled(unit, 4 * mebibyte - 200)).slice('{"artifacts":'.length, -1)}}}`;

/** Twenty artifacts, which are then searched for, eight at once. */
function answered(name: string, answers: Heavy['answers']): Heavy {
  const artifacts = Array.from({ length: 20 }, (_, i) => artifact(i, 'r'));
  return { name, bodies: [JSON.stringify({ artifacts })], objects: {}, ...(answers && { answers }) };
}

export const heavy: readonly (() => Heavy)[] = [
  () => elsewhere('record of 31 MiB', 1, 31, 'x'),
  () => elsewhere('100 records of 31 MiB', 100, 31, 'x'),
  () => elsewhere('20 records of 8 MiB', 20, 8, 'x'),
  () => elsewhere('20 records of 8 MiB, not ASCII', 20, 8, 'ä'),
  () => elsewhere('20 records of 7 MiB of quotes', 20, 7, '"'),
  () => elsewhere('20 records of 8 MiB of control characters', 20, 8, '\u0001'),
  () => elsewhere('20 records of 8 MiB that are not UTF-8', 20, 8, Buffer.from([0xe9])),
  () => messages('messages of 1 MiB of empty artifacts', (bytes) => list(filled('{},', bytes - 20))),
  () => messages('messages of 1 MiB of numbers', (bytes) => list(filled('1,', bytes - 20))),
  () => messages('messages of 1 MiB of brackets', (bytes) => list(nested(bytes - 20))),
  () =>
    messages('messages of 1 MiB of the smallest artifacts', (bytes, nth) => {
      const count = Math.floor((bytes - 20) / (JSON.stringify(artifact(100_000, 'r')).length + 1));
      return JSON.stringify({
        artifacts: Array.from({ length: count }, (_, i) => artifact(100_000 * (nth + 1) + i, 'r')),
      });
    }),
  () =>
    messages('messages of 1 MiB of metadata keys', (bytes, nth) =>
      JSON.stringify({ artifacts: [artifact(nth, 'r', keys(bytes - 500))] }),
    ),
  () =>
    messages('messages of 1 MiB of a metadata list', (bytes, nth) =>
      JSON.stringify({ artifacts: [artifact(nth, 'r', { tags: filled('x', bytes / 5).split('') })] }),
    ),
  () =>
    messages('messages of 1 MiB of escapes', (bytes, nth) =>
      JSON.stringify({ artifacts: [artifact(nth, filled('\u0001', bytes / 6))] }),
    ),
  () =>
    messages('messages of 1 MiB, not ASCII', (bytes, nth) =>
      JSON.stringify({ artifacts: [artifact(nth, filled('世', bytes / 3 - 300))] }),
    ),
  () => messages('messages of 1 MiB that are not JSON', (bytes) => filled('x', bytes)),
  () => answered('an answer of Analytics of 1 MiB of brackets', { ingest: nested(mebibyte) }),
  () => answered('searches that find 4 MiB of empty objects', { ingest: inPart, search: found('{},') }),
  () =>
    answered('searches that find 4 MiB of brackets', { ingest: inPart, search: nested(4 * mebibyte - 100) }),
];
