export type Rule<Request, Fault> = (request: Request) => Fault | undefined;

/** Of the matching requests, `times` from the `nth` (1-based); all if absent. */
export interface Occurrences {
  nth?: number;
  times?: number;
}

export function ruleFor<Request, Fault>(
  matches: (request: Request) => boolean,
  { nth = 1, times = Number.POSITIVE_INFINITY }: Occurrences,
  fault: Fault,
): Rule<Request, Fault> {
  let count = 0;
  return (request) => {
    if (!matches(request)) return undefined;
    count += 1;
    return count >= nth && count < nth + times ? fault : undefined;
  };
}

export function faultOf<Request, Fault>(
  rules: readonly Rule<Request, Fault>[],
  request: Request,
): Fault | undefined {
  for (const rule of rules) {
    const fault = rule(request);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Bounds the memory of a stand-in that runs for days. */
const requestsKept = 100_000;

/** Adds a request to a list from which the oldest are dropped. */
export function record<Request>(requests: Request[], request: Request): Request {
  requests.push(request);
  if (requests.length > requestsKept) requests.shift();
  return request;
}
