import type { Answer } from '../console/answer.ts';

export const json = (status: number, body: object): Answer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});

/** An error response in the format of Analytics. */
export const refusal = (status: number, message: string): Answer => json(status, { success: false, message });
