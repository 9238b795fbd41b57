import { describe, expect, it } from 'vitest';
import { type OperatorEnvironment, readOperatorEnvironment } from '../../functions/operator-environment.ts';
import { streams } from '../../functions/streams/list.ts';

const good: OperatorEnvironment = {
  INSTANCES_TABLE: 'instances',
  CURSORS_TABLE: 'cursors',
  ARTIFACT_QUEUE_URL: 'https://sqs.eu-west-1.amazonaws.com/123456789012/artifacts',
  OVERFLOW_BUCKET: 'overflow',
  ALLOWED_HOST_SUFFIXES: '.sentinelone.net',
  MESSAGE_KIB: '250',
  OVERLAP_MINUTES: '10',
  REQUESTS_PER_SECOND: '{"threats":2}',
  PAGE_TIMEOUT_SECONDS: '60',
};

describe("the operator function's environment", () => {
  it('has the rate of each stream: the one that is set, or its own', () => {
    const { settingsOf } = readOperatorEnvironment(good, streams);
    const rates = streams.map((stream) => settingsOf(stream).requestsPerSecond);
    expect(rates).toEqual(
      streams.map(({ name, requestsPerSecond }) => (name === 'threats' ? 2 : requestsPerSecond)),
    );
  });

  it.each(Object.keys(good) as (keyof OperatorEnvironment)[])(
    'without %s is an error that names it',
    (name) => {
      const { [name]: _, ...without } = good;
      expect(() => readOperatorEnvironment(without, streams)).toThrow(name);
    },
  );
});
