import { describe, expect, it } from 'vitest';
import { readPage } from '../../../functions/core/page.ts';

describe('what is no page is named', () => {
  it.each([
    ['\r\n\t <!DOCTYPE html><title>Sign in</title>', 'it is HTML or XML'],
    ['["data"]', 'it is not a JSON object'],
    ['"data":[]', 'it is not a JSON object'],
  ])('%j', (body, problem) => {
    expect(() => readPage(body)).toThrow(`not a page: ${problem}`);
  });
});
