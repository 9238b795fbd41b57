import { lookUp } from '../kit/json.ts';

/**
 * Message types of Analytics by words of a classification, in lower case. The first match counts. The vendor writes
 * both `Trojan` and `Linux.Malware`.
 */
const messageTypes: Readonly<Record<string, string>> = {
  ransomware: 'ransomware_encryption',
  exploit: 'exploit_attempt',
  malware: 'malicious_software',
  trojan: 'malicious_software',
  virus: 'malicious_software',
  worm: 'malicious_software',
  rootkit: 'malicious_software',
  backdoor: 'malicious_software',
  downloader: 'malicious_software',
  infostealer: 'malicious_software',
  hacktool: 'malicious_software',
  spyware: 'malicious_software',
  packed: 'malicious_software',
  pua: 'policy_violation',
  adware: 'policy_violation',
};

const knownWords = Object.keys(messageTypes);

const notLetters = /[^a-z]+/;

/** Words of classifications that have no message type of their own. */
const otherWords = new Set(
  'application benign browser control cryptominer document dropper general generic keylogger lateral miner movement network office pdf phishing remote shell suspicious'.split(
    ' ',
  ),
);

/** Returns Analytics' message type for a threat. */
export function messageTypeOf(classification: string): string {
  const words = wordsOf(classification);
  const known = knownWords.find((word) => words.includes(word));
  return lookUp(messageTypes, known ?? '') ?? 'threat_event';
}

/** Whether a classification has a word that is known. */
export function isKnownClassification(classification: string): boolean {
  return wordsOf(classification).some((word) => otherWords.has(word) || knownWords.includes(word));
}

function wordsOf(classification: string): string[] {
  return classification.slice(0, 200).toLowerCase().split(notLetters);
}
