import { CollectorError } from '../errors.ts';

/** Analytics does not take the e-mail address and password. */
export class LoginRefusedError extends CollectorError {
  constructor(message: string) {
    super('unauthorized', message, {
      name: 'LoginRefusedError',
      remedy:
        'Nothing is lost: the messages stay in the artifact queue. Put the right email and password into the secret; it is read again by itself.',
    });
  }
}

/** The user may log in, but not do this. */
export class PermissionRefusedError extends CollectorError {
  constructor(message: string, permission: string) {
    super('forbidden', message, {
      name: 'PermissionRefusedError',
      remedy: `Nothing is lost: the messages stay in the artifact queue. Give the forwarder's user in Analytics a role with the permission ${permission}.`,
    });
  }
}

/** HTTP 200, but not what the API's documentation says. */
export class UnreadableReplyError extends CollectorError {
  constructor(message: string) {
    super('unreadable', message, {
      name: 'UnreadableReplyError',
      remedy:
        'Nothing is lost: the messages stay in the artifact queue. Look for a proxy or login page between, and whether analyticsUrl leads to the API.',
    });
  }
}

/** So much is refused, and nothing accepted, that the fault is hardly in the artifacts. */
export class EverythingRefusedError extends CollectorError {
  constructor(message: string) {
    super('refused', message, {
      name: 'EverythingRefusedError',
      remedy:
        'Nothing is lost: the messages stay in the artifact queue. Check whether the API of Analytics has changed, and report it.',
    });
  }
}

/** The dead-letter queue or the overflow bucket does not do its part. */
export class StuckMessageError extends CollectorError {
  constructor(message: string, options?: ErrorOptions) {
    super('undelivered', message, {
      name: 'StuckMessageError',
      remedy:
        "Nothing is lost: the messages stay in the artifact queue. Check the dead-letter queue, the overflow bucket and the forwarder's rights to both.",
      cause: options?.cause,
    });
  }
}

/** HTTP 400, 413 or 422: something in this request is not taken. Which part of it, smaller requests tell. */
export class RequestRefusedError extends Error {
  override readonly name = 'RequestRefusedError';
}

/** More than there is room for: fewer results may fit. */
export class HeavyReplyError extends Error {
  override readonly name = 'HeavyReplyError';
}
