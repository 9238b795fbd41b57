import { describe, expect, it } from 'vitest';
import { faultOf } from '../../../functions/adapters/sqs-codes.ts';

describe('a code of SQS', () => {
  it.each([
    'InvalidMessageContents',
    'InvalidParameterValue',
    'AWS.SimpleQueueService.InvalidMessageContents',
  ])('blames the message: %s', (code) => expect(faultOf(code)).toEqual({ at: 'message' }));

  it.each([
    'AccessDenied',
    'AccessDeniedException',
    'KmsDisabled',
    'KMS.DisabledException',
    'KMS.AccessDeniedException',
    'KMS.KMSInvalidStateException',
    'KMSInvalidStateException',
    'UnauthorizedOperation',
    'MissingAuthenticationToken',
    'InvalidAccessKeyId',
    'com.amazonaws.sqs#QueueDoesNotExist',
    'AWS.SimpleQueueService.NonExistentQueue',
  ])('blames the queue, and has a remedy: %s', (code) => {
    expect(faultOf(code)).toEqual({ at: 'queue', remedy: expect.stringMatching(/^Nothing is lost/) });
  });

  it.each([
    'KmsThrottled',
    'KMS.ThrottlingException',
    'RequestThrottled',
    'InternalError',
    'constructor',
    'KMS.KeyUnavailableException',
    'ExpiredTokenException',
    7 as unknown as string,
    '',
    undefined,
  ])('passes: %s', (code) => expect(faultOf(code)).toEqual({ at: 'passing' }));
});
