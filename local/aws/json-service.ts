import { jsonOf, type Serving, serve } from '../http/serve.ts';

export class Refusal extends Error {
  readonly type: string;
  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

// biome-ignore lint/suspicious/noExplicitAny: each operation has an input of its own.
export type Operations = Readonly<Record<string, ((input: any) => object) | undefined>>;

/** Serves operations with the protocol AWS JSON 1.1, which names the operation in `x-amz-target`. */
export function serveOperations(operations: Operations, sessionToken: string): Promise<Serving> {
  return serve(
    async (request, response) => {
      const answer = (status: number, body: object) => {
        response
          .writeHead(status, { 'content-type': 'application/x-amz-json-1.1' })
          .end(JSON.stringify(body));
      };
      const [, name = ''] = String(request.headers['x-amz-target']).split('.');
      const input = await jsonOf(request);
      try {
        const operation = operations[name];
        if (operation === undefined)
          throw new Refusal('UnknownOperationException', `${name} is not supported`);
        answer(200, operation(input));
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        answer(400, { __type: error.type, message: error.message });
      }
    },
    { sessionToken },
  );
}
