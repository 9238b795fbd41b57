import * as v from 'valibot';
import { readTime } from '../console/time.ts';

const value = v.union([v.string(), v.array(v.string())]);

/** The index of the real Analytics cannot store an empty address. */
const noEmptyAddress = (metadata: Record<string, string | string[]>) =>
  Object.entries(metadata).every(([key, found]) => !key.endsWith('IP') || found !== '');

/**
 * The accepted form. The API returns a count of `rejected` artifacts, so a malformed artifact is assumed to be
 * rejected alone.
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

export type Artifact = v.InferOutput<typeof artifact>;

export const isArtifact = (given: unknown): given is Artifact => v.is(artifact, given);
