import { Refusal, serveOperations } from './json-service.ts';

/** A stand-in for CloudWatch Logs: stores what the functions print, and answers `FilterLogEvents`. */
export interface LocalLogs {
  readonly endpoint: string;
  append(logGroup: string, message: string): void;
  close(): Promise<void>;
}

interface LogEvent {
  readonly eventId: string;
  readonly timestamp: number;
  readonly message: string;
}

const kept = 20_000;

export async function startLogs(sessionToken: string): Promise<LocalLogs> {
  const groups = new Map<string, LogEvent[]>();
  let count = 0;
  const { endpoint, close } = await serveOperations(
    {
      FilterLogEvents({ logGroupName, startTime = 0, filterPattern }) {
        const matches = matcher(filterPattern);
        if (matches === undefined)
          throw new Refusal('InvalidParameterException', `unsupported pattern: ${filterPattern}`);
        const events = groups.get(logGroupName) ?? [];
        return {
          events: events.filter(({ timestamp, message }) => timestamp >= startTime && matches(message)),
        };
      },
    },
    sessionToken,
  );
  return {
    endpoint,
    close,
    append(logGroup, message) {
      const events = groups.get(logGroup) ?? [];
      groups.set(logGroup, events);
      count += 1;
      events.push({ eventId: String(count), timestamp: Date.now(), message });
      if (events.length > kept) events.shift();
    },
  };
}

/** Supports only the patterns in use: `{ $.field = "value" }`, or none. */
function matcher(pattern = ''): ((message: string) => boolean) | undefined {
  if (pattern === '') return () => true;
  const [, field = '', value] = /^\{ \$\.(\w+) = "([^"]*)" \}$/.exec(pattern) ?? [];
  if (value === undefined) return undefined;
  return (message) => {
    try {
      return JSON.parse(message)[field] === value;
    } catch {
      return false;
    }
  };
}
