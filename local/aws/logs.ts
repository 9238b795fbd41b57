import { jsonOf, serve } from '../http/serve.ts';

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

/** Lines kept for each log group. */
const kept = 20_000;

export async function startLogs(sessionToken: string): Promise<LocalLogs> {
  const groups = new Map<string, LogEvent[]>();
  let count = 0;
  const { endpoint, close } = await serve(
    async (request, response) => {
      const answer = (status: number, body: object) => {
        response
          .writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
          .end(JSON.stringify(body));
      };
      const refuse = (__type: string, message: string) => answer(400, { __type, message });
      if (request.headers['x-amz-target'] !== 'Logs_20140328.FilterLogEvents')
        return refuse('UnknownOperationException', 'only FilterLogEvents is here');
      const {
        logGroupName,
        startTime = 0,
        filterPattern,
      } = (await jsonOf(request)) as {
        logGroupName: string;
        startTime?: number;
        filterPattern?: string;
      };
      const matches = matcher(filterPattern);
      if (matches === undefined)
        return refuse('InvalidParameterException', `no such pattern is understood here: ${filterPattern}`);
      const events = groups.get(logGroupName) ?? [];
      answer(200, {
        events: events.filter(({ timestamp, message }) => timestamp >= startTime && matches(message)),
      });
    },
    { sessionToken },
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
