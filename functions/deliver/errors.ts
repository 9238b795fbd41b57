import { CollectorError } from '../errors.ts';

/** The queue takes no message at all, so a retry or another form of the message does not help. */
export class QueueUnusableError extends CollectorError {
  constructor(reason: string, remedy: string) {
    super('undelivered', `the artifact queue takes no messages: ${reason}`, {
      name: 'QueueUnusableError',
      remedy,
    });
  }
}
