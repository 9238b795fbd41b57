import type { Instance } from '../../instances/instance.ts';
import type { Stream } from '../../streams/stream.ts';
import { restSource } from './rest.ts';
import type { Source } from './source.ts';

/** Where the pages of a stream come from. */
export function sourceOf(stream: Stream, instance: Instance): Source {
  return restSource(stream, instance);
}
