import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type RuntimeApi, type RuntimeResult, startRuntimeApi } from './runtime-api.ts';

export interface FunctionOptions {
  readonly name: string;
  /** The unpacked deployment package. */
  readonly code: string;
  /** `file.export`. */
  readonly handler: string;
  readonly memoryMb: number;
  readonly timeoutSeconds: number;
  /** The environment variables, in addition to those that Lambda sets. */
  readonly environment: Readonly<Record<string, string>>;
  readonly onLine: (line: string) => void;
  /** What Node runs, and its arguments (default: the runtime in this folder). */
  readonly runtime?: readonly string[];
  /** Lambda's clock in milliseconds (default: the system clock). */
  readonly nowMs?: () => number;
}

const ownRuntime = [join(import.meta.dirname, 'bootstrap.ts')];

/** One function in a separate process, which stays warm between invocations, as in Lambda. */
export interface LocalFunction {
  /**
   * Runs the handler, one invocation at a time. Rejects with an Error if the handler throws, cannot be loaded, exits
   * or times out; the next invocation then starts a new process.
   * @param requestId (default: a new one) Lambda can deliver an asynchronous event twice, with the same id
   */
  invoke(event: unknown, requestId?: string): Promise<unknown>;
  /** Whether an invocation is running or waiting. */
  readonly busy: boolean;
  /** Whether Lambda would refuse another synchronous invocation. */
  readonly isFull: boolean;
  readonly pid: number | undefined;
  stop(): void;
}

export async function startFunction(options: FunctionOptions): Promise<LocalFunction> {
  let child: ChildProcess | undefined;
  let settle: ((result: RuntimeResult | Error) => void) | undefined;
  // AWS's own runtime client accepts a host and a port only.
  const api = await startRuntimeApi((result) => settle?.(result), { hasKey: options.runtime === undefined });
  let before: Promise<unknown> = Promise.resolve();
  let open = 0;
  let isStopped = false;

  const start = () => {
    const started = spawn(process.execPath, [...heap(options), ...(options.runtime ?? ownRuntime)], {
      cwd: options.code,
      env: environmentOf(options, api),
      stdio: ['ignore', 'pipe', 'pipe'],
      // The parent process handles Ctrl-C and stops this one. Without a parent, this process exits.
      detached: true,
    });
    for (const stream of [started.stdout, started.stderr]) {
      createInterface({ input: stream }).on('line', options.onLine);
    }
    started.once('exit', (code, signal) => {
      if (child === started) child = undefined;
      settle?.(new Error(`${options.name} exited with ${signal ?? code}`));
    });
    return started;
  };

  const invokeOnce = async (event: unknown, id: string): Promise<unknown> => {
    const timeoutMs = options.timeoutSeconds * 1000;
    const result = new Promise<RuntimeResult | Error>((resolve) => {
      settle = resolve;
    });
    if (isStopped) throw new Error(`${options.name} is stopped`);
    child ??= start();
    const functionArn = `arn:aws:lambda:us-east-1:000000000000:function:${options.name}`;
    api.hand({ id, event, functionArn, deadline: (options.nowMs ?? Date.now)() + timeoutMs });
    const timer = setTimeout(() => child?.kill('SIGKILL'), timeoutMs);
    try {
      return outcome(await result, options.name);
    } finally {
      clearTimeout(timer);
      settle = undefined;
      api.clear();
    }
  };

  return {
    invoke(event, requestId = randomUUID()) {
      open += 1;
      const result = before
        .then(() => invokeOnce(event, requestId))
        .finally(() => {
          open -= 1;
        });
      before = result.catch(() => undefined);
      return result;
    },
    get busy() {
      return open > 0;
    },
    get isFull() {
      return open > 0;
    },
    get pid() {
      return child?.pid;
    },
    stop() {
      isStopped = true;
      child?.kill('SIGKILL');
      void api.close();
    },
  };
}

function outcome(result: RuntimeResult | Error, name: string): unknown {
  if (result instanceof Error) throw result;
  if (result.kind === 'response') return result.body;
  throw new Error(`${name} failed: ${result.body.errorType}: ${result.body.errorMessage}`);
}

/** The Node arguments of Lambda's runtimes. */
const heap = ({ memoryMb }: FunctionOptions) => [
  '--expose-gc',
  `--max-semi-space-size=${Math.floor(memoryMb * 0.05)}`,
  `--max-old-space-size=${Math.floor(memoryMb * 0.9)}`,
];

function environmentOf({ name, code, handler, memoryMb, environment }: FunctionOptions, api: RuntimeApi) {
  return {
    PATH: process.env.PATH ?? '',
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    AWS_REGION: 'us-east-1',
    AWS_DEFAULT_REGION: 'us-east-1',
    // Each function has its own credentials, as its role provides them in AWS.
    AWS_ACCESS_KEY_ID: name,
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(memoryMb),
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: '2026/01/01/[$LATEST]0',
    AWS_LAMBDA_RUNTIME_API: api.address,
    LAMBDA_TASK_ROOT: code,
    _HANDLER: handler,
    ...Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, here(value, code)])),
  };
}

/** Lambda unpacks the deployment package into /var/task. */
const here = (path: string, code: string) => path.replace(/^\/var\/task(?=\/|$)/, () => code);
