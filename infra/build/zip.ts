import { crc32, deflateRawSync } from 'node:zlib';

/** A file of an archive, by its path in it. */
interface Entry {
  readonly path: string;
  readonly content: Uint8Array;
}

/** Midnight of 1 January 1980, the first moment that the format knows: the same files give the same bytes. */
const [time, date] = [0, 0x21];
const [localHeader, centralHeader, endOfDirectory] = [0x04034b50, 0x02014b50, 0x06054b50];
/** Deflate, without encryption, with names in UTF-8. */
const [needsVersion, flags, deflated] = [20, 0x800, 8];
/** A regular file that everyone may read. Lambda runs functions as another user. */
const attributes = (0o100644 << 16) >>> 0;
const madeByUnix = (3 << 8) | needsVersion;

/** A ZIP archive. */
export function zip(entries: readonly Entry[]): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  let offset = 0;
  for (const { path, content } of entries) {
    const name = Buffer.from(path);
    const data = deflateRawSync(content, { level: 9 });
    const common = [
      [2, flags],
      [2, deflated],
      [2, time],
      [2, date],
      [4, crc32(content)],
      [4, data.length],
      [4, content.length],
      [2, name.length],
      [2, 0],
    ] as const;
    const local = Buffer.concat([fields([4, localHeader], [2, needsVersion], ...common), name, data]);
    directory.push(
      fields(
        ...([
          [4, centralHeader],
          [2, madeByUnix],
          [2, needsVersion],
        ] as const),
        ...common,
        ...([
          [2, 0],
          [2, 0],
          [2, 0],
          [4, attributes],
          [4, offset],
        ] as const),
      ),
      name,
    );
    parts.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const [count, size] = [entries.length, central.length];
  const end = fields(
    ...([
      [4, endOfDirectory],
      [2, 0],
      [2, 0],
      [2, count],
      [2, count],
      [4, size],
      [4, offset],
      [2, 0],
    ] as const),
  );
  return Buffer.concat([...parts, central, end]);
}

/** Numbers of so many bytes, the lowest byte first. */
function fields(...all: readonly (readonly [bytes: 2 | 4, value: number])[]): Buffer {
  return Buffer.concat(
    all.map(([bytes, value]) => {
      const field = Buffer.alloc(bytes);
      field.writeUIntLE(value, 0, bytes);
      return field;
    }),
  );
}
