import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

/**
 * The runtime's side of Lambda's Runtime API: loads the handler that `_HANDLER` names, then polls for events in a
 * loop. https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
 */
const { AWS_LAMBDA_RUNTIME_API = '', LAMBDA_TASK_ROOT = '', _HANDLER = '', ...environment } = process.env;
const api = `http://${AWS_LAMBDA_RUNTIME_API}/2018-06-01/runtime`;

const post = (path: string, body: unknown) =>
  fetch(`${api}/${path}`, { method: 'POST', body: JSON.stringify(body) });

function described(error: unknown) {
  const { name = 'Error', message = String(error), stack = '' } = error instanceof Error ? error : {};
  return { errorType: name, errorMessage: message, stackTrace: stack.split('\n') };
}

async function load(): Promise<(event: unknown, context: unknown) => Promise<unknown>> {
  const [file = '', name = ''] = _HANDLER.split('.');
  const module = await import(pathToFileURL(join(LAMBDA_TASK_ROOT, `${file}.mjs`)).href);
  return module[name];
}

const handler = await load().catch(async (error: unknown) => {
  await post('init/error', described(error));
  process.exit(1);
});

for (;;) {
  const next = await fetch(`${api}/invocation/next`);
  const id = next.headers.get('lambda-runtime-aws-request-id') ?? '';
  const deadline = Number(next.headers.get('lambda-runtime-deadline-ms'));
  const context = {
    awsRequestId: id,
    functionName: environment.AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: '$LATEST',
    memoryLimitInMB: environment.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    invokedFunctionArn: next.headers.get('lambda-runtime-invoked-function-arn'),
    getRemainingTimeInMillis: () => deadline - Date.now(),
  };
  try {
    const result = await handler(await next.json(), context);
    await post(`invocation/${id}/response`, result ?? null);
  } catch (error) {
    await post(`invocation/${id}/error`, described(error));
  }
}
