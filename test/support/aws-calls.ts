import type { IncomingHttpHeaders } from 'node:http';
import { type Account, arn } from './account.ts';
import type { Ask } from './policy.ts';

/** A call of an AWS service, as it comes over the wire. */
export interface AwsRequest {
  /** As its signature has it, such as `secretsmanager`. */
  readonly service: string;
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Who signed a request, and for which service: `Credential=<who>/<day>/<region>/<service>/aws4_request`. */
export function signatureOf({ authorization = '' }: IncomingHttpHeaders): { who: string; service: string } {
  const [, who = '', service = ''] = /Credential=([^/]+)\/\d+\/[^/]+\/([^/]+)\//.exec(authorization) ?? [];
  return { who, service };
}

/** What a request needs to be allowed to do: all of it. Throws for what nothing here knows yet. */
export function asksOf(request: AwsRequest, account: Account): Ask[] {
  const asks = services[request.service];
  if (asks === undefined) throw new Error(`nothing here knows what ${request.service} checks`);
  return asks(request, account)
    .flatMap((ask) => [ask, ...keyAsks(ask, account)])
    .map((ask) => ({ ...ask, context: { ...overTls, ...ask.context } }));
}

/** What a call of DynamoDB, SQS or S3 does with a key of the operator's own, by the first words of its action. */
const keyUses: readonly [action: RegExp, keyActions: readonly string[]][] = [
  [/^sqs:Send/, ['Decrypt', 'GenerateDataKey']],
  [/^sqs:Receive/, ['Decrypt']],
  [/^s3:Put/, ['GenerateDataKey']],
  [/^s3:Get/, ['Decrypt']],
  [/^dynamodb:(Get|BatchGet|Query|Scan)/, ['Decrypt', 'DescribeKey']],
  [
    /^dynamodb:(Put|Update|Delete|BatchWrite)/,
    [
      ...['Decrypt', 'DescribeKey', 'Encrypt', 'ReEncryptFrom', 'ReEncryptTo'],
      ...['GenerateDataKey', 'GenerateDataKeyWithoutPlaintext'],
    ],
  ],
];

/** What an ask needs besides, where what it is about is encrypted with a key of the operator's own. */
export function keyAsks({ action, resource }: Ask, { keyOf }: Account): Ask[] {
  const key = keyOf(resource);
  if (key === undefined) return [];
  const [, keyActions = []] = keyUses.find(([use]) => use.test(action)) ?? [];
  const service = `${action.split(':')[0]}.${key.split(':')[3]}.amazonaws.com`;
  return keyActions.map((name) => ({
    action: `kms:${name}`,
    resource: key,
    context: { 'kms:ViaService': [service] },
  }));
}

/** The stand-ins speak plain HTTP where AWS speaks TLS. */
const overTls = { 'aws:SecureTransport': ['true'], 's3:TlsVersion': ['1.3'] };

const services: Readonly<Record<string, (request: AwsRequest, account: Account) => Ask[]>> = {
  dynamodb(request, { template }) {
    const { operation, input } = targeted(request);
    const ask = (TableName: string, leadingKeys: (hash: string) => unknown[]) => {
      const { KeySchema } = Object(template.Resources[TableName]?.Properties) as TableProperties;
      const hash = KeySchema.find(({ KeyType }) => KeyType === 'HASH')?.AttributeName ?? '';
      const keys = leadingKeys(hash).map((value) => String(Object.values(value as object)[0]));
      return {
        action: `dynamodb:${operation}`,
        resource: arn('dynamodb', `table/${TableName}`),
        context: { 'dynamodb:LeadingKeys': keys },
      };
    };
    const { TableName, Key, Item, RequestItems } = input;
    switch (operation) {
      case 'Scan':
        return [ask(TableName, () => [])];
      case 'GetItem':
      case 'UpdateItem':
      case 'DeleteItem':
        return [ask(TableName, (hash) => [Key[hash]])];
      case 'PutItem':
        return [ask(TableName, (hash) => [Item[hash]])];
      case 'Query':
        return [ask(TableName, (hash) => [queried(input, hash)])];
      case 'BatchGetItem':
        return Object.entries(RequestItems as Record<string, { Keys: Item[] }>).map(([table, { Keys }]) =>
          ask(table, (hash) => Keys.map((key) => key[hash])),
        );
      case 'BatchWriteItem':
        return Object.entries(RequestItems as Record<string, Write[]>).map(([table, writes]) =>
          ask(table, (hash) =>
            writes.map(({ PutRequest, DeleteRequest }) => (PutRequest?.Item ?? DeleteRequest?.Key)?.[hash]),
          ),
        );
      default:
        throw new Error(`nothing here knows what ${operation} of DynamoDB reads and writes`);
    }
  },

  sqs(request) {
    const { operation, input } = targeted(request);
    const queue = new URL(input.QueueUrl).pathname.split('/').at(-1) ?? '';
    // A batch needs what one message needs.
    const action = `sqs:${operation.replace(/Batch$/, '')}`;
    return [{ action, resource: arn('sqs', queue), context: {} }];
  },

  secretsmanager(request) {
    const { operation, input } = targeted(request);
    return [{ action: `secretsmanager:${operation}`, resource: secretArn(input.SecretId), context: {} }];
  },

  s3({ method, url }) {
    const [, bucket = '', ...key] = decodeURIComponent(url.pathname).split('/');
    const action = s3Actions[method];
    if (action === undefined || key.length === 0)
      throw new Error(`nothing here knows ${method} ${url.pathname}`);
    return [{ action, resource: `arn:aws:s3:::${bucket}/${key.join('/')}`, context: {} }];
  },

  lambda({ method, url }) {
    const [, name] =
      /^\/2015-03-31\/functions\/([^/]+)\/invocations$/.exec(decodeURIComponent(url.pathname)) ?? [];
    if (method !== 'POST' || name === undefined)
      throw new Error(`nothing here knows ${method} ${url.pathname}`);
    const resource = name.startsWith('arn:') ? name : arn('lambda', `function:${name}`);
    return [{ action: 'lambda:InvokeFunction', resource, context: {} }];
  },
};

const s3Actions: Readonly<Record<string, string>> = {
  GET: 's3:GetObject',
  HEAD: 's3:GetObject',
  PUT: 's3:PutObject',
  DELETE: 's3:DeleteObject',
};

/** Secrets Manager adds six characters to a name; an ARN has them already. */
export const secretArn = (id: string) =>
  id.startsWith('arn:') ? id : arn('secretsmanager', `secret:${id}-AbCdEf`);

interface TableProperties {
  readonly KeySchema: readonly { readonly AttributeName: string; readonly KeyType: string }[];
}
type Item = Readonly<Record<string, unknown>>;
interface Write {
  readonly PutRequest?: { readonly Item: Item };
  readonly DeleteRequest?: { readonly Key: Item };
}

/** The JSON protocols: the operation is in a header. */
function targeted({ headers, body }: AwsRequest) {
  const [, operation = ''] = String(headers['x-amz-target']).split('.');
  return { operation, input: JSON.parse(body.toString()) };
}

interface Query {
  readonly KeyConditionExpression: string;
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>>;
  readonly ExpressionAttributeValues?: Item;
}

/** The value that a query compares its hash key with. */
function queried(
  { KeyConditionExpression, ExpressionAttributeNames = {}, ExpressionAttributeValues = {} }: Query,
  hash: string,
) {
  const terms = KeyConditionExpression.matchAll(/(#?\w+)\s*=\s*(:\w+)/g);
  for (const [, name = '', value = ''] of terms) {
    if ((ExpressionAttributeNames[name] ?? name) === hash) return ExpressionAttributeValues[value];
  }
  throw new Error(`nothing here finds the key in ${KeyConditionExpression}`);
}
