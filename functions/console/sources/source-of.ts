import type { Instance } from '../../instances/instance.ts';
import type { Stream } from '../../streams/stream.ts';
import type { NamesOfConsole } from '../type-names.ts';
import { graphqlSource } from './graphql.ts';
import { restSource } from './rest.ts';
import type { Source } from './source.ts';

/**
 * Returns the source of a stream's pages.
 * @param learned what an earlier source has learned about the same console; not validated
 */
export function sourceOf(
  stream: Stream,
  instance: Instance,
  now: () => number,
  learned?: unknown,
  namesAt?: (path: string) => NamesOfConsole,
): Source {
  return 'connection' in stream
    ? graphqlSource(stream, instance, now, learned)
    : restSource(stream, instance, namesAt);
}
