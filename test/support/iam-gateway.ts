import { once } from 'node:events';
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { type Account, arn } from './account.ts';
import { type AwsRequest, asksOf, signatureOf } from './aws-calls.ts';
import { type Ask, allows, denies } from './policy.ts';

/** What a function asked of AWS, oldest first. */
export interface Asked extends Ask {
  /** The name of the function. */
  readonly who: string;
  readonly allowed: boolean;
}

/** Stands between the functions and AWS, and lets pass what a function's role allows; the rest is refused as AWS does. */
export interface Gate {
  readonly address: string;
  /** Leads the AWS SDK of the functions here. */
  readonly environment: Readonly<Record<string, string>>;
  readonly asked: readonly Asked[];
  /** By function: what its role allows. */
  roles: Account['roles'];
  /** Ends every connection, as happens to those that nobody uses for long. */
  cutConnections(): void;
  /** Which key of one's own a secret is encrypted with, by name or ARN of the secret. */
  readonly keys: Map<string, string>;
  /** Nothing passes before this; `environment` is what would lead to the services without a gate. */
  open(account: Account, environment: Readonly<Record<string, string>>): void;
  /** Throws where something was asked that the tests know nothing of. */
  close(): void;
}

/** By the name in a signature: the variable that says where the service is. */
const endpoints: Readonly<Record<string, string>> = {
  dynamodb: 'AWS_ENDPOINT_URL_DYNAMODB',
  sqs: 'AWS_ENDPOINT_URL_SQS',
  s3: 'AWS_ENDPOINT_URL_S3',
  secretsmanager: 'AWS_ENDPOINT_URL_SECRETS_MANAGER',
  lambda: 'AWS_ENDPOINT_URL_LAMBDA',
};

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

export async function startGate(): Promise<Gate> {
  const agent = new Agent({ keepAlive: true, maxSockets: 100 });
  const asked: Asked[] = [];
  const keys = new Map<string, string>();
  const faults: string[] = [];
  let account: Account | undefined;
  let leadsTo: Readonly<Record<string, string>> = {};

  const forward = async ({ service, method, url, headers, ...asked }: AwsRequest): Promise<Answer> => {
    const body = service === 'sqs' ? atHome(asked.body, leadsTo[endpoints.sqs ?? '']) : asked.body;
    const { host: _, expect: __, connection: ___, 'transfer-encoding': ____, ...others } = headers;
    const to = new URL(url.pathname + url.search, leadsTo[endpoints[service] ?? '']);
    const sent = request(to, { method, agent, headers: { ...others, 'content-length': body.length } });
    sent.end(body);
    const [answer] = (await once(sent, 'response')) as [IncomingMessage];
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: await buffer(answer) };
  };

  /** Of the first thing that is refused, if any. */
  const refusal = (who: string, asks: readonly Ask[]): Ask | undefined =>
    asks.find((ask) => {
      const allowed = allows(gate.roles.get(who) ?? [], ask) && !denies(account?.resourcePolicies ?? [], ask);
      asked.push({ ...ask, who, allowed });
      return !allowed;
    });

  const serve = async (incoming: IncomingMessage, response: ServerResponse) => {
    const { who, service } = signatureOf(incoming.headers);
    if (!account?.roles.has(who)) throw new Error(`a stranger asks ${service}: ${who}`);
    const wanted: AwsRequest = {
      service,
      method: incoming.method ?? '',
      url: new URL(incoming.url ?? '/', gate.address),
      headers: incoming.headers,
      body: await buffer(incoming),
    };
    const asks = asksOf(wanted, account);
    const [first] = asks;
    if (service === 'secretsmanager') return send(response, await readSecret(who, wanted, asks));
    const refused = refusal(who, asks);
    if (refused) return send(response, accessDenied(service, who, refused));
    const answer = await forward(wanted);
    if (service !== 's3' || answer.status !== 404 || first === undefined) return send(response, answer);
    // Only who may list a bucket is told that an object is not in it.
    const list = { ...first, action: 's3:ListBucket', resource: first.resource.replace(/\/.*/, '') };
    send(response, refusal(who, [list]) ? accessDenied(service, who, first) : answer);
  };

  /** A name that no secret has is no ARN either, so no policy but one for all secrets fits. */
  const readSecret = async (who: string, wanted: AwsRequest, asks: readonly Ask[]): Promise<Answer> => {
    const answer = await forward(wanted);
    const { SecretId } = JSON.parse(wanted.body.toString());
    const missing = answer.status !== 200;
    const key = keys.get(SecretId);
    const needs = asks.map((ask) => (missing ? { ...ask, resource: SecretId } : ask));
    if (key !== undefined) {
      const service = `secretsmanager.${key.split(':')[3]}.amazonaws.com`;
      needs.push({ action: 'kms:Decrypt', resource: key, context: { 'kms:ViaService': [service] } });
    }
    const refused = refusal(who, needs);
    return refused ? accessDenied(wanted.service, who, refused) : answer;
  };

  const server = createServer((incoming, response) => {
    serve(incoming, response).catch((error: unknown) => {
      // A killed function leaves its calls half made, and so does a service that ends; anything else is to be seen.
      if ((error as NodeJS.ErrnoException).code === undefined) faults.push(String(error));
      response.destroy();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const gate: Gate = {
    address,
    environment: Object.fromEntries(Object.values(endpoints).map((name) => [name, address])),
    asked,
    keys,
    roles: new Map(),
    cutConnections: () => server.closeAllConnections(),
    open(opened, environment) {
      account = opened;
      gate.roles = opened.roles;
      leadsTo = environment;
    },
    close() {
      server.close();
      server.closeAllConnections();
      agent.destroy();
      if (faults.length > 0) throw new Error(`the gate does not know its way: ${faults.join('; ')}`);
    },
  };
  return gate;
}

/** The stand-in knows a queue by its own address only. */
const atHome = (body: Buffer, endpoint = '') =>
  Buffer.from(body.toString().replace(/"QueueUrl":"https?:\/\/[^/"]+/, `"QueueUrl":"${endpoint}`));

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  const { connection: _, 'transfer-encoding': __, ...others } = headers;
  response.writeHead(status, { ...others, 'content-length': body.length }).end(body);
}

/** As each service says it. */
function accessDenied(service: string, who: string, { action, resource }: Ask): Answer {
  const user = `${arn('sts', `assumed-role/${who}`).replace(':us-east-1', ':')}`;
  const message = `User: ${user} is not authorized to perform: ${action} on resource: ${resource} because no identity-based policy allows the ${action} action`;
  if (service === 's3') {
    const xml = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>${message}</Message></Error>`;
    return { status: 403, headers: { 'content-type': 'application/xml' }, body: Buffer.from(xml) };
  }
  const type = 'AccessDeniedException';
  return {
    status: service === 'lambda' ? 403 : 400,
    headers: { 'content-type': 'application/x-amz-json-1.0', 'x-amzn-errortype': type },
    body: Buffer.from(
      JSON.stringify({ __type: `com.amazon.coral.service#${type}`, message, Message: message }),
    ),
  };
}
