import * as v from 'valibot';
import { readTime } from '../console/time.ts';

const value = v.union([v.string(), v.array(v.string())]);

/** An empty address breaks an index of the real Analytics. */
const noEmptyAddress = (metadata: Record<string, string | string[]>) =>
  Object.entries(metadata).every(([key, found]) => !key.endsWith('IP') || found !== '');

/**
 * What is accepted. That a malformed artifact is rejected alone, and not its whole request, is deduced from the
 * answer's `rejected`.
 */
const artifact = v.object({
  source: v.pipe(v.string(), v.nonEmpty()),
  raw: v.string(),
  timestamp: v.exactOptional(
    v.pipe(
      v.string(),
      v.check((text) => readTime(text) !== undefined),
    ),
  ),
  metadata: v.exactOptional(v.pipe(v.record(v.string(), value), v.check(noEmptyAddress))),
});

/** An artifact as a client posts it. */
export type Artifact = v.InferOutput<typeof artifact>;

export const isArtifact = (given: unknown): given is Artifact => v.is(artifact, given);
