/** What a code says: the message's own content is at fault, the queue takes nothing, or another attempt may succeed. */
export type Fault =
  | { readonly at: 'message' | 'passing' }
  | { readonly at: 'queue'; readonly remedy: string };

/** Only these say that the same message would be refused again. */
const ofTheMessage = new Set([
  'InvalidMessageContents',
  'InvalidParameterValue',
  'InvalidAttributeValue',
  'MessageTooLong',
]);

/** The queue refuses every message until an operator acts. */
const ofTheQueue: readonly (readonly [codes: readonly string[], remedy: string])[] = [
  [
    [
      'KmsAccessDenied',
      'KmsDisabled',
      'KmsInvalidKeyUsage',
      'KmsInvalidState',
      'KmsNotFound',
      'KmsOptInRequired',
    ],
    "Nothing is lost: the same records are read again. Enable the KMS key of the artifact queue, and allow the function's role to use it.",
  ],
  [
    ['QueueDoesNotExist', 'NonExistentQueue', 'QueueDeletedRecently', 'InvalidAddress'],
    'Nothing is lost: the same records are read again. Deploy the stack again: its artifact queue does not exist.',
  ],
  [
    [
      'AccessDenied',
      'AuthFailure',
      'InvalidClientTokenId',
      'InvalidSecurity',
      'OptInRequired',
      'SignatureDoesNotMatch',
      'UnrecognizedClient',
      'UnsupportedOperation',
    ],
    "Nothing is lost: the same records are read again. Allow the function's role to send to the artifact queue: check the role, the queue's policy and the policies of your organization.",
  ],
];

const remedies = new Map(ofTheQueue.flatMap(([codes, remedy]) => codes.map((code) => [code, remedy])));

/**
 * Decides by the code alone: SQS reports throttling and errors of KMS with `SenderFault: true` as well. An unknown code
 * may pass.
 */
export function faultOf(code: string | undefined): Fault {
  const name = plain(code ?? '');
  const remedy = remedies.get(name);
  if (remedy !== undefined) return { at: 'queue', remedy };
  return { at: ofTheMessage.has(name) ? 'message' : 'passing' };
}

/** The name of a code in its three spellings: `KmsDisabled`, `KMS.DisabledException`, `com.amazonaws.sqs#KmsDisabled`. */
function plain(code: string): string {
  return code
    .replace(/^.*#|^AWS\.SimpleQueueService\./, '')
    .replace(/^KMS\./, 'Kms')
    .replace(/Exception$/, '');
}
