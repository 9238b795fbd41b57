import { UnreadableAnswerError } from '../../errors.ts';
import type { Instance } from '../../instances/instance.ts';
import { count, parsed } from '../../kit/json.ts';
import type { RestStream } from '../../streams/stream.ts';
import { idParts, partOf } from '../id-parts.ts';
import { createdListing, queryOf } from '../query.ts';
import { readRecords } from '../record.ts';
import type { NamesOfConsole } from '../type-names.ts';
import type { Source } from './source.ts';

/**
 * A list of the REST API.
 * @param namesAt returns the names of types that a path has; called after a request
 */
export function restSource(
  stream: RestStream,
  instance: Instance,
  namesAt?: (path: string) => NamesOfConsole,
): Source {
  const { path, typesPath } = stream;
  const names = () => (typesPath === undefined ? undefined : namesAt?.(typesPath));
  return {
    async page(listing, limit, ask) {
      const { ids, token, isOneOfMany, next: after } = partOf(instance, listing.token);
      const query = queryOf(stream, { ...instance, ...ids }, { ...listing, token }, limit);
      const page = listing.token === undefined ? 'first page' : 'a later page';
      const what = `GET ${path}, ${page} from ${listing.from}`;
      let isUnnamed = false;
      const read = (body: Buffer) => {
        const known = names()?.known();
        const nameOf = (type: string) => {
          isUnnamed ||= known === undefined;
          return known?.get(type);
        };
        const metadata: RestStream['metadata'] = (record, raw) => stream.metadata(record, raw, nameOf);
        return readRecords(body, limit, { ...stream, metadata }, what);
      };
      const { value: first, ...answer } = await ask({ path, query }, read);
      const asked = isUnnamed ? names() : undefined;
      await asked?.learn();
      const value = asked === undefined ? first : read(answer.body);
      return { ...value, next: after(value.next), unordered: isOneOfMany, answer };
    },

    async total(from, until, ask) {
      let sum = 0;
      for (const ids of idParts(instance)) {
        const listing = queryOf(stream, { ...instance, ...ids }, createdListing(from, until), 1);
        const query = { ...listing, skipCount: 'false', countOnly: 'true' };
        const { value, release } = await ask({ path, query, isSmall: true }, (body) => {
          const total = count(parsed(body.toString()), 'pagination', 'totalItems');
          if (total === undefined)
            throw new UnreadableAnswerError(`GET ${path}, count from ${from}: no total`);
          return total;
        });
        release();
        sum += value;
      }
      return sum;
    },

    pageSize: stream.pageSize,
    learned: undefined,
    starts: idParts(instance).map((_, i, { length }) => (i === 0 ? undefined : `${i}/${length} `)),
  };
}
