import { CollectorError } from '../errors.ts';

/** Analytics refuses the email address and password. */
export class LoginRefusedError extends CollectorError {
  constructor(message: string) {
    super('unauthorized', message, {
      name: 'LoginRefusedError',
      remedy:
        'Nothing is lost: the messages stay in the artifact queue. Correct the email and password in the secret; it is read again automatically.',
    });
  }
}

/** The user can log in but lacks a permission. */
export class PermissionRefusedError extends CollectorError {
  constructor(message: string, permission: string) {
    super('forbidden', message, {
      name: 'PermissionRefusedError',
      remedy: `Nothing is lost: the messages stay in the artifact queue. Give the forwarder's user in Analytics a role with the permission ${permission}.`,
    });
  }
}

/** HTTP 200 with a body that does not match the API documentation. */
export class UnreadableReplyError extends CollectorError {
  constructor(message: string) {
    super('unreadable', message, {
      name: 'UnreadableReplyError',
      remedy:
        'Nothing is lost: the messages stay in the artifact queue. Look for a proxy or login page in the network path, and check that analyticsUrl is the address of the API.',
    });
  }
}

/** Analytics refuses many artifacts and accepts none, so the cause is probably not in the artifacts. */
export class EverythingRefusedError extends CollectorError {
  constructor(message: string) {
    super('refused', message, {
      name: 'EverythingRefusedError',
      remedy:
        'Nothing is lost: the messages stay in the artifact queue. Check whether the API of Analytics has changed, and report it.',
    });
  }
}

/** Analytics answers other messages, but fails on one. */
export class BlockedMessageError extends CollectorError {
  constructor(id: string, cause: CollectorError) {
    super(cause.state, `Analytics answers other messages, but fails on that of ${id}: ${cause.message}`, {
      name: 'BlockedMessageError',
      remedy:
        'Nothing is lost: the message stays in the artifact queue, and moves to the dead-letter queue after 1,000 receives. Check whether a firewall or proxy in front of Analytics blocks its content.',
      cause,
    });
  }
}

/** The dead-letter queue or the overflow bucket fails. */
export class StuckMessageError extends CollectorError {
  constructor(message: string, options?: ErrorOptions) {
    super('undelivered', message, {
      name: 'StuckMessageError',
      remedy:
        "Nothing is lost: the messages stay in the artifact queue. Check the dead-letter queue, the overflow bucket and the forwarder's permissions for both.",
      cause: options?.cause,
    });
  }
}

/** HTTP 400, 413 or 422: Analytics refuses the request because of at least one artifact in it. */
export class RequestRefusedError extends Error {
  override readonly name = 'RequestRefusedError';
}

/** The response exceeds the size limit; a search for fewer results may fit. */
export class HeavyReplyError extends Error {
  override readonly name = 'HeavyReplyError';
}
