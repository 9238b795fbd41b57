import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readRecords } from '../../../functions/console/record.ts';
import { deliverRecords } from '../../../functions/deliver/deliver.ts';
import { FakeQueue } from '../../fakes/queue.ts';
import { FakeOverflow } from '../../fakes/stores.ts';
import { instance, standingClock, stream } from '../../fixtures/given.ts';
import { readMessage } from '../../support/schema.ts';

const characters = ['é', '€', '😀', '\uFFFD', '\uFFFE', '\uFFFF', '\u2028', '\u007f'];

const escapes = ['\\"', '\\\\', '\\n', '\\u0000', '\\ud800'];

/** Bytes without quotes, backslashes and control characters. */
const plain = fc
  .uint8Array({ maxLength: 8 })
  .map((bytes) => bytes.filter((byte) => byte >= 0x20 && byte !== 0x22 && byte !== 0x5c));

/** Bytes that may be in a text of JSON as they are, valid UTF-8 or not. */
const inText = fc
  .array(
    fc.oneof(
      plain,
      fc.constantFrom(...characters, ...escapes).map((text) => Buffer.from(text)),
    ),
    { maxLength: 20 },
  )
  .map((parts) => Buffer.concat(parts));

const space = fc.constantFrom('', ' ', '\n\t', '\r\n');

const record = fc
  .tuple(inText, inText, space)
  .map(([a, b, between]) =>
    Buffer.concat([
      Buffer.from(`{${between}"id":"`),
      a,
      Buffer.from(`",${between}"more":["`),
      b,
      Buffer.from(`",1.50,12345678901234567890]${between}}`),
    ]),
  );

it('delivers each record of a page with the bytes that the console sent, whatever they are', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 8 }), async (given) => {
      const body = Buffer.concat([
        Buffer.from('{"data":['),
        ...given.flatMap((bytes, i) => (i > 0 ? [Buffer.from(','), bytes] : [bytes])),
        Buffer.from('],"pagination":{"nextCursor":null}}'),
      ]);
      const { records } = readRecords(body, given.length, stream, 'the response');
      const [queue, overflow] = [new FakeQueue(), new FakeOverflow()];
      const limits = { messageBytes: 2000, remainingMs: () => 60_000 };
      await deliverRecords(records, stream, instance, limits, { queue, overflow, clock: standingClock() });
      const arrived = queue.bodies
        .flatMap(readMessage)
        .map(({ raw, metadata }) => Buffer.from(raw, metadata.rawEncoding === 'base64' ? 'base64' : 'utf8'));
      expect(arrived.map((bytes) => bytes.toString('hex'))).toEqual(
        given.map((bytes) => bytes.toString('hex')),
      );
    }),
    { numRuns: 300 },
  );
});
