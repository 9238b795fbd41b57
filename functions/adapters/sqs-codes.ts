/** The meaning of an error code: the message is invalid, the queue accepts no message, or a retry may succeed. */
export type Fault =
  | { readonly at: 'message' | 'passing' }
  | { readonly at: 'queue'; readonly remedy: string };

/** Codes that mean that the same message would be refused again. */
const ofTheMessage = new Set([
  'InvalidMessageContents',
  'InvalidParameterValue',
  'InvalidAttributeValue',
  'MessageTooLong',
]);

/** Codes that mean that the queue refuses every message until an operator acts. The first match counts. */
const ofTheQueue: readonly (readonly [codes: RegExp, remedy: string])[] = [
  [
    /^Kms(?:AccessDenied|Disabled|InvalidKeyUsage|InvalidState|NotFound|OptInRequired)$/,
    "Nothing is lost: the same records are read again. Enable the KMS key of the artifact queue, and allow the function's role to use it.",
  ],
  [
    /^(?:QueueDoesNotExist|NonExistentQueue|QueueDeletedRecently|InvalidAddress)$/,
    'Nothing is lost: the same records are read again. Deploy the stack again: its artifact queue does not exist.',
  ],
  [
    /Auth|Denied|Signature|AccessKey|ClientToken|OptInRequired|^InvalidSecurity$|^UnrecognizedClient$|^UnsupportedOperation$/i,
    "Nothing is lost: the same records are read again. Allow the function's role to send to the artifact queue: check the role, the queue's policy and the policies of your organization.",
  ],
];

/**
 * Decides by the code alone, because SQS also sets `SenderFault: true` for throttling and KMS errors. An unknown code
 * may be temporary.
 */
export function faultOf(code: string | undefined): Fault {
  const name = plain(String(code));
  const [, remedy] = ofTheQueue.find(([codes]) => codes.test(name)) ?? [];
  if (remedy !== undefined) return { at: 'queue', remedy };
  return { at: ofTheMessage.has(name) ? 'message' : 'passing' };
}

/**
 * Normalises the spellings of a code: `KmsDisabled`, `KMS.DisabledException`, `KMS.KMSDisabledException`,
 * `com.amazonaws.sqs#KmsDisabled`.
 */
function plain(code: string): string {
  return code
    .replace(/^.*#|^AWS\.SimpleQueueService\./, '')
    .replace(/^(?:KMS\.?)+/i, 'Kms')
    .replace(/Exception$/, '');
}
