import { describe, expect, it } from 'vitest';
import { bodyOf, packArtifact, packMessages } from '../../../functions/core/packing.ts';
import { artifact } from './given.ts';

describe('the size of a message', () => {
  it('is no less than its body and 256 bytes for its attributes, however many artifacts it holds', () => {
    for (const count of [1, 2, 3, 100]) {
      const artifacts = Array.from({ length: count }, (_, i) => packArtifact(artifact(`a${i}`)));
      const [message, ...others] = packMessages(artifacts, 1_000_000);
      if (message === undefined) throw new Error('nothing was packed');
      expect(others).toEqual([]);
      expect(message.bytes).toBeGreaterThanOrEqual(Buffer.byteLength(bodyOf(message)) + 256);
      expect(message.bytes).toBeLessThan(Buffer.byteLength(bodyOf(message)) + 300);
    }
  });
});
