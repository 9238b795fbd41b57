import { expect, it } from 'vitest';
import { readToken } from '../../../functions/core/secret.ts';

it('of what may be a token in the wrong place, the first four characters are shown', () => {
  expect(() => readToken(undefined, 'eyJraWQiOiJ')).toThrow('the secret eyJr… does not exist');
});
