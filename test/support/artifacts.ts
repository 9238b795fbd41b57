import type { Artifact, ArtifactJson } from '../../functions/deliver/artifact.ts';
import type { Message } from '../../functions/deliver/packing.ts';

/** A message's body, as a consumer reads it. */
export function bodyOf({ body }: Message): string {
  return JSON.parse(`"${new TextDecoder('utf-8', { fatal: true }).decode(body.escaped)}"`);
}

/** An artifact as a consumer reads it. */
export function readArtifact({ head, raw }: ArtifactJson): Artifact {
  return { ...JSON.parse(`${head}"}`), raw: Buffer.from(raw).toString() };
}

/** An artifact as it is delivered. */
export function writtenArtifact({ raw, ...others }: Artifact): ArtifactJson {
  return { head: `${JSON.stringify(others).slice(0, -1)},"raw":"`, raw: Buffer.from(raw) };
}
