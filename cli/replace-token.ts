import type { CheckReport } from '../functions/console/check/check.ts';
import type { CheckRequest } from '../functions/events.ts';
import type { Instance } from '../functions/instances/instance.ts';
import { checkAll } from './functions.ts';
import type { Output } from './output.ts';
import { stageToken } from './secrets.ts';
import type { Stack } from './stack.ts';

/** The result of the test of a new token. */
export interface Replaced {
  /** Whether the token is now the current one. */
  readonly kept: boolean;
  readonly report: CheckReport;
  /** The function that tested it. */
  readonly from: string;
  /** The instance whose report this is. */
  readonly tested: string;
  readonly warnings: readonly string[];
}

interface Replacement {
  readonly instance: Instance;
  readonly token: string;
  /** The instances to test the token with: records, or names of instances that use the same secret. */
  readonly of: readonly CheckRequest['of'][];
  /** Whether a failed test is ignored. */
  readonly anyway: boolean;
  /** Whether the secret may have been bound to another host. */
  readonly rebinds: boolean;
  /** Writes the record that belongs to the token. If it throws, the previous token becomes current again. */
  readonly write?: () => Promise<void>;
}

/** Tests a token from Lambda and makes it the current one. If the test fails, the secret is unchanged. */
export async function replaceToken(
  stack: Stack,
  { instance, token, of, anyway, rebinds, write }: Replacement,
  out: Pick<Output, 'progress' | 'clear'>,
): Promise<Replaced> {
  const { secretId, host } = instance;
  const staged = await stageToken(stack, secretId, token, host, rebinds);
  let kept = false;
  try {
    const { report, from, name: tested } = await checkAll(stack, of, staged.version, out);
    if (report.good || anyway) {
      // Until the record is changed as well, a token for another host is not sent.
      await staged.keep();
      await write?.();
      kept = true;
    }
    return { kept, report, from, tested, warnings: staged.warnings };
  } finally {
    if (!kept) await staged.discard();
  }
}
