import { CollectorError } from '../errors.ts';

/** Analytics does not take the e-mail address and password. */
export class LoginRefusedError extends CollectorError {
  override readonly name = 'LoginRefusedError';
  readonly state = 'unauthorized';

  constructor(message: string) {
    super(
      message,
      'Nothing is lost: the messages stay in the artifact queue. Put the right email and password into the secret; it is read again by itself.',
    );
  }
}

/** The user may log in, but not do this. */
export class PermissionRefusedError extends CollectorError {
  override readonly name = 'PermissionRefusedError';
  readonly state = 'forbidden';

  constructor(message: string, permission: string) {
    super(
      message,
      `Nothing is lost: the messages stay in the artifact queue. Give the forwarder's user in Analytics a role with the permission ${permission}.`,
    );
  }
}

/** HTTP 200, but not what the API's documentation says. */
export class UnreadableReplyError extends CollectorError {
  override readonly name = 'UnreadableReplyError';
  readonly state = 'unreadable';

  constructor(message: string) {
    super(
      message,
      'Nothing is lost: the messages stay in the artifact queue. Look for a proxy or login page between, and whether analyticsUrl leads to the API.',
    );
  }
}

/** So much is refused, and nothing accepted, that the fault is hardly in the artifacts. */
export class EverythingRefusedError extends CollectorError {
  override readonly name = 'EverythingRefusedError';
  readonly state = 'refused';

  constructor(message: string) {
    super(
      message,
      'Nothing is lost: the messages stay in the artifact queue. Check whether the API of Analytics has changed, and report it.',
    );
  }
}

/** The dead-letter queue or the overflow bucket does not do its part. */
export class StuckMessageError extends CollectorError {
  override readonly name = 'StuckMessageError';
  readonly state = 'undelivered';

  constructor(message: string, options?: ErrorOptions) {
    super(
      message,
      "Nothing is lost: the messages stay in the artifact queue. Check the dead-letter queue, the overflow bucket and the forwarder's rights to both.",
      options,
    );
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
