import { once } from 'node:events';
import {
  createServer,
  type IncomingMessage,
  request as requestInTheClear,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, request as requestOverTls } from 'node:https';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { createAuthority, createServerCertificate } from '../../local/console/certificates.ts';

/**
 * A network with one way out, a forward proxy. Its names end in `.invalid`, which no resolver knows, so that whatever
 * goes another way gets nowhere.
 */
export interface ClosedNetwork {
  readonly proxyUrl: string;
  /** Signs the certificates of AWS here. */
  readonly awsCaPem: string;
  /** Signs that of Analytics. */
  readonly caPem: string;
  /** Leads the AWS SDK to AWS here. */
  readonly environment: Readonly<Record<string, string>>;
  readonly analyticsUrl: string;
  /** Whom the proxy was asked for. */
  readonly connects: ReadonlySet<string>;
  close(): void;
}

interface Behind {
  /** AWS, in the clear. */
  readonly awsUrl: string;
  readonly analytics: { readonly url: string; readonly caPem: string };
  /** The way to the consoles, a proxy too. */
  readonly consolesProxyUrl: string;
}

const services = { DYNAMODB: 'dynamodb', SQS: 'sqs', S3: 's3', SECRETS_MANAGER: 'secretsmanager' };
const awsNames = Object.values(services).map((name) => `${name}.aws.invalid`);
const bucketName = /^(.+)\.s3\.aws\.invalid$/;
const analyticsName = 'analytics.invalid';

export async function startClosedNetwork(behind: Behind): Promise<ClosedNetwork> {
  const [awsAuthority, authority] = await Promise.all([createAuthority('AWS'), createAuthority('private')]);
  const [aws, analytics] = await Promise.all([
    createServerCertificate(awsAuthority, [...awsNames, '*.s3.aws.invalid']),
    createServerCertificate(authority, [analyticsName]),
  ]);
  const open = new Set<Duplex>();
  const tracked = <T extends Duplex>(socket: T): T => {
    open.add(socket);
    socket.once('close', () => open.delete(socket)).on('error', () => socket.destroy());
    return socket;
  };

  const pass = (incoming: IncomingMessage, response: ServerResponse) => {
    const [host = ''] = String(incoming.headers.host).split(':');
    const [, bucket] = bucketName.exec(host) ?? [];
    const { method = '', url: path = '', headers: given } = incoming;
    const { host: _, ...headers } = given;
    const { awsUrl, analytics: api } = behind;
    const sent =
      host === analyticsName
        ? requestOverTls(api.url + path, { method, headers, ca: api.caPem })
        : requestInTheClear(awsUrl + (bucket ? `/${bucket}` : '') + path, { method, headers });
    sent.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    sent.on('error', () => response.destroy());
    incoming.pipe(sent);
  };
  const fronts = [aws, analytics].map((certificate) => createTlsServer(certificate, pass));
  const proxy = createServer((_request, response) => {
    response.writeHead(403).end();
  });
  const connects = new Set<string>();
  const portOf = (server: Server) => (server.address() as AddressInfo).port;

  for (const server of [...fronts, proxy]) {
    server.on('connection', tracked);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  }
  const [awsPort, analyticsPort] = fronts.map(portOf);
  proxy.on('connect', ({ url = '' }, client: Socket) => {
    const host = url.slice(0, url.lastIndexOf(':'));
    connects.add(host);
    const isAws = awsNames.includes(host) || bucketName.test(host);
    const isKnown = isAws || host === analyticsName;
    const port = isKnown ? (isAws ? awsPort : analyticsPort) : Number(new URL(behind.consolesProxyUrl).port);
    const upstream = tracked(connect(Number(port), '127.0.0.1'));
    if (isKnown) client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    else upstream.write(`CONNECT ${url} HTTP/1.1\r\nhost: ${url}\r\n\r\n`);
    upstream.pipe(client).pipe(upstream);
    upstream.on('close', () => client.destroy());
    client.on('close', () => upstream.destroy());
  });

  const endpoints = Object.entries(services).map(([variable, name]) => [
    `AWS_ENDPOINT_URL_${variable}`,
    `https://${name}.aws.invalid`,
  ]);
  return {
    proxyUrl: `http://127.0.0.1:${portOf(proxy)}`,
    awsCaPem: awsAuthority.cert,
    caPem: authority.cert,
    environment: Object.fromEntries(endpoints),
    analyticsUrl: `https://${analyticsName}`,
    connects,
    close() {
      for (const server of [...fronts, proxy]) server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
