/** What to do first about an alarm, by its heading in docs/operations.md. The mail of the alarm has it. */
export const firstSteps: Readonly<Record<string, string>> = {
  token:
    'Run: collector status --problems. For each instance there, create a new token in the console (Settings → Users → Service Users), then run: collector rotate NAME. Nothing is lost as long as the console keeps the records.',
  'polls-failing':
    'Run: collector status --problems, and the command that it shows for each problem. Nothing is lost: polls resume from the same position.',
  'nothing-new':
    "Run: collector status --problems. Check in the console whether the token's user still sees the sites; if nobody uses the console, run: collector disable NAME.",
  lag: 'Run: collector status --sort lag. A backlog that shrinks needs nothing; one that grows needs a longer --interval or fewer --sites.',
  'records-missing':
    'The missing records were collected again with the same ids. Run: collector tail. If it happens often, increase the setting overlapMinutes.',
  'hours-not-checked': 'Run: collector tail, and follow the remedy there. Delivery is not affected.',
  'not-running':
    'Check in EventBridge that the rule of this function is enabled, and in Lambda that the function is not throttled and does not fail. Nothing is lost: the next run resumes.',
  'forwarder-failing':
    'Run: collector status, and follow the remedy of #analytics. Messages stay in the queue for 14 days.',
  'queue-unread': 'Start or fix the consumer of the artifact queue. SQS deletes messages after 14 days.',
  'dead-letters':
    'Run: collector dlq list, which shows the reasons. Fix the consumer, then run: collector dlq redrive.',
};
