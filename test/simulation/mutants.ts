// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is source text.

/** A way to break the core that loses, doubles or invents: the simulation has to catch each. */
export interface Mutant {
  readonly name: string;
  /** Below functions/. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

const deliverThenAck = `      await deliver(page.records);
      const cursor = await page.ack();`;

export const mutants: readonly Mutant[] = [
  {
    name: 'a page is acknowledged before it is delivered',
    file: 'collect/poll.ts',
    from: deliverThenAck,
    to: `      const cursor = await page.ack();
      await deliver(page.records);`,
  },
  {
    name: 'every cursor is saved before its page is sent',
    file: 'collect/poll.ts',
    from: deliverThenAck,
    to: `      const cursor = await page.ack();
      await commit(cursor);
      await deliver(page.records);`,
  },
  {
    name: 'a page is acknowledged twice',
    file: 'collect/poll.ts',
    from: deliverThenAck,
    to: `${deliverThenAck}
      await page.ack();`,
  },
  {
    name: 'a page is acknowledged with the cursor of the one before',
    file: 'collect/listing/pages.ts',
    from: 'const kept = withIdle(cursor, idle);',
    to: 'const kept = withIdle(start, idle);',
  },
  {
    name: 'the last page is committed nowhere',
    file: 'collect/turn.ts',
    from: 'const cursor = result.endCursor && encodeCursor(',
    to: 'const cursor = result.error && result.endCursor && encodeCursor(',
  },
  {
    name: 'the position moves before the memory is written',
    file: 'collect/repeats.ts',
    from: `        const isRemembered = await this.#remember(fresh, page.cursor, page.endsTurn);
        return page.ack(fresh.length, isRemembered);`,
    to: `        const kept = await page.ack(fresh.length);
        await this.#remember(fresh, page.cursor, page.endsTurn);
        return kept;`,
  },
  {
    name: 'a Date of the console that is ahead counts',
    file: 'console/console-clock.ts',
    from: 'Math.min(consoleMs, sentMs)',
    to: 'consoleMs',
  },
  {
    name: 'a page of alerts starts after its time',
    file: 'console/sources/graphql-query.ts',
    from: 'start && isExplicit && `${lower}Inclusive: true`',
    to: 'start && isExplicit && `${lower}Inclusive: false`',
  },
  {
    name: 'alerts are asked for from a second later',
    file: 'console/sources/graphql-query.ts',
    from: 'time(toMs(from) - (isExplicit ? 0 : 1))',
    to: 'time(toMs(from) + 1000)',
  },
  {
    name: 'a page of alerts without an end is the last',
    file: 'console/sources/graphql-answer.ts',
    from: "if (token === undefined || token === null || token === '') return missingToken;",
    to: "if (token === undefined || token === null || token === '') return undefined;",
  },
  {
    name: 'errors in a 200 are an empty page',
    file: 'console/sources/graphql.ts',
    from: 'throw errorOf(errors, { host, path, connection, query, limit, clean });',
    to: 'return { records: [], next: undefined, isolated: false };',
  },
  {
    name: 'alerts are paged without their token',
    file: 'console/sources/graphql.ts',
    from: '...(token !== undefined && { after: token })',
    to: '...(token === missingToken && { after: token })',
  },
  { name: 'gt for gte', file: 'console/query.ts', from: '__gte`]', to: '__gt`]' },
  {
    name: 'ties at the last timestamp are dropped',
    file: 'collect/listing/recovery.ts',
    from: 'const next = listing.sorted ? listing.read',
    to: 'const next = listing.sorted ? shift(listing.read, 1)',
  },
  {
    name: 'no memory',
    file: 'collect/repeats.ts',
    from: '=> memory.add(version, time ?? latest)',
    to: '=> memory.add(version, time ?? latest) || true',
  },
  {
    name: 'the memory is never written',
    file: 'collect/repeats.ts',
    from: 'if (!this.#isAhead && this.#kept?.memory.changed) await',
    to: 'if (this.#kept !== undefined && this.#kept.memory.size < 0) await',
  },
  {
    name: 'a long listing forgets the overlap of the next',
    file: 'collect/repeats.ts',
    from: 'return earlier(listing.read, shift(listing.began, -overlapMs));',
    to: 'return listing.read;',
  },
  {
    name: 'the overlap shrinks to nothing',
    file: 'collect/listing/position.ts',
    from: 'const from = shift(cursor.position, -overlapMs);',
    to: 'const from = cursor.position;',
  },
  {
    name: 'the overlap shrinks by half',
    file: 'collect/listing/position.ts',
    from: 'const from = shift(cursor.position, -overlapMs);',
    to: 'const from = shift(cursor.position, -overlapMs / 2);',
  },
  {
    name: 'the end of the listing for its beginning',
    file: 'collect/listing/position.ts',
    from: 'return { ...cursor, ...paging, position: later(cursor.position, began), listing: undefined };',
    to: 'return { ...cursor, ...paging, position: page.sentAt, listing: undefined };',
  },
  {
    name: 'began at the answer instead of at the request',
    file: 'console/console-clock.ts',
    from: '- Math.ceil(tookMs);',
    to: '+ Math.ceil(tookMs);',
  },
  {
    name: 'our own clock instead of the console’s',
    file: 'console/console-clock.ts',
    from: '(isPlausible ? dateMs : now - overlapMs)',
    to: '(isPlausible ? now : now)',
  },
  {
    name: 'an upper bound on the listing',
    file: 'console/query.ts',
    from: '    cursor: listing.token,',
    to: '    [`${stream.orderedBy}__lt`]: listing.began,\n    cursor: listing.token,',
  },
  {
    name: 'the position follows the last timestamp past began',
    file: 'collect/listing/position.ts',
    from: 'earlier(highest, began)',
    to: 'highest',
  },
  {
    name: 'Failed[] is not read',
    file: 'deliver/deliver.ts',
    from: 'const again = refusals.filter(({ permanent }) => !permanent);',
    to: 'const again = refusals.filter(({ permanent }) => permanent && !permanent);',
  },
  {
    name: 'what is refused for good is dropped',
    file: 'deliver/deliver.ts',
    from: 'never.push(...refusals.filter(({ permanent }) => permanent));',
    to: '',
  },
  {
    name: 'a refused token ends the listing',
    file: 'collect/listing/recovery.ts',
    from: 'if (listing.ordered && next > listing.from) return { cursor: goOn(next) };',
    to: 'return { cursor: { ...cursor, position: listing.began ?? cursor.position, listing: undefined } };',
  },
  {
    name: 'a refused token goes on from the position',
    file: 'collect/listing/recovery.ts',
    from: 'return { cursor: goOn(next) };',
    to: 'return { cursor: goOn(cursor.position) };',
  },
  {
    name: 'the filters are not sent with a page token',
    file: 'console/query.ts',
    from: 'siteIds: list(instance.siteIds),',
    to: 'siteIds: listing.token === undefined ? list(instance.siteIds) : undefined,',
  },
  {
    name: 'a 429 ends the listing',
    file: 'collect/listing/recovery.ts',
    from: 'if (error instanceof RefusedRequestError && listing.token !== undefined)',
    to: "if ((error as Error).name === 'RateLimitedError' && listing.began !== undefined)\n    return { cursor: { ...cursor, position: listing.began, listing: undefined } };\n  if (error instanceof RefusedRequestError && listing.token !== undefined)",
  },
  {
    name: 'Date instead of text: three fraction digits',
    file: 'kit/time.ts',
    from: 'canonical.test(value)) return value;',
    to: 'canonical.test(value)) return `${value.slice(0, 23)}999Z`;',
  },
  {
    name: 'a record without a time is skipped',
    file: 'collect/repeats.ts',
    from: '=> memory.add(version, time ?? latest)',
    to: '=> memory.add(version, time ?? latest) && time !== undefined',
  },
  {
    name: 'a record without an id is skipped',
    file: 'collect/repeats.ts',
    from: 'records.filter(({ version, time }) => memory',
    to: 'records.filter(({ version, time, recordId }) => recordId.length <= 20 && memory',
  },
  {
    name: 'a record from 2099 moves the position',
    file: 'collect/listing/position.ts',
    from: 'time !== undefined && time <= horizon ? [time] : []',
    to: 'time !== undefined ? [time] : []',
  },
  {
    name: 'an edited filter keeps the cursor',
    file: 'collect/poll.ts',
    from: 'const restarted = kept.scope !== first.scope;',
    to: 'const restarted = kept.scope === undefined;',
  },
  {
    name: 'the look-back counts from now',
    file: 'collect/poll.ts',
    from: 'const first = firstCursor(instance, stream, firstSeenAt);',
    to: "const first = firstCursor(instance, stream, '2999-01-01T00:00:00.000000Z');",
  },
  {
    name: 'versions are forgotten by id alone',
    file: 'console/record.ts',
    from: "const version = stream.orderedBy === 'updatedAt' ? `${recordId}@${time ?? hash(bytes)}` : recordId;",
    to: 'const version = recordId;',
  },
  {
    name: 'ids that differ each time',
    file: 'deliver/artifact.ts',
    from: 'id: `${instance.instance}/${stream.name}/${record.version}`,',
    to: 'id: `${instance.instance}/${stream.name}/${record.version}${Math.random()}`,',
  },
  {
    name: 'records are printed again',
    file: 'console/record.ts',
    from: 'const of = { raw: bytes, malformed,',
    to: 'const of = { raw: Buffer.from(JSON.stringify({ ...JSON.parse(bytes.toString()), more: 1 })), malformed,',
  },
  {
    name: 'a claim that never lapses',
    file: 'collect/bounds/times.ts',
    from: 'export const claimMs = 2 * limits.pageTimeoutMs + deliveryMs + settleMs;',
    to: 'export const claimMs = 1e12;',
  },
  {
    name: 'a heavy page is never halved',
    file: 'collect/listing/recovery.ts',
    from: 'if (isDivisible && cursor.limit > 1) {',
    to: 'if (isDivisible && cursor.limit > 1000) {',
  },
  {
    name: 'a record without a time is forgotten before a listing has passed it',
    file: 'collect/repeats.ts',
    from: 'const latest = shift(sentAt, this.#settings.overlapMs);',
    to: 'const latest = shift(sentAt, -this.#settings.overlapMs);',
  },
  {
    name: 'each listing tries the largest page anew',
    file: 'collect/listing/position.ts',
    from: 'return { ...cursor, ...paging, position: later(cursor.position, began), listing: undefined };',
    to: 'return { ...cursor, ...paging, limit: largestLimit, position: later(cursor.position, began), listing: undefined };',
  },
  {
    name: 'the ledger takes records that have no time for missing ones',
    file: 'collect/ledger/ledger.ts',
    from: 'Math.max(0, read.timed - delivered)',
    to: 'Math.max(0, read.records - delivered)',
  },
  {
    name: 'the ledger never reads an hour again',
    file: 'collect/ledger/ledger.ts',
    from: 'if (atConsole <= delivered && !isDoubtful) {',
    to: 'if (delivered >= 0) {',
  },
  {
    name: 'the ledger counts versions, not records',
    file: 'collect/ledger/hour-counts.ts',
    from: 'for (const { created, recordId } of records) {',
    to: 'for (const { created, version: recordId } of records) {',
  },
  {
    name: 'the ledger checks an hour that has not ended',
    file: 'collect/ledger/hour-counts.ts',
    from: 'const end = hourOf(shift(position, -overlapMs));',
    to: 'const end = hourOf(shift(position, hourMs));',
  },
  {
    name: 'the ledger trusts a count that repeats have raised',
    file: 'collect/ledger/hour-counts.ts',
    from: 'remembered <= from) return counts;',
    to: 'remembered <= from || from !== epoch) return counts;',
  },
];
