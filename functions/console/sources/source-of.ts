import type { Instance } from '../../instances/instance.ts';
import type { Stream } from '../../streams/stream.ts';
import { graphqlSource } from './graphql.ts';
import { restSource } from './rest.ts';
import type { Source } from './source.ts';

/**
 * Returns the source of a stream's pages.
 * @param learned what an earlier source has learned about the same console; not validated
 */
export function sourceOf(stream: Stream, instance: Instance, now: () => number, learned?: unknown): Source {
  return 'connection' in stream
    ? graphqlSource(stream, instance, now, learned)
    : restSource(stream, instance);
}
