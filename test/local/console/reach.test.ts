import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import got from 'got';
import { describe, expect, it } from 'vitest';
import { startConsoles } from '../../../local/console/consoles.ts';
import { activity, at, host, idsOf, startConsole, token } from './harness.ts';

const failure = (asked: Promise<unknown>) =>
  asked.then(
    () => 'answered',
    (error: { code: string }) => error.code,
  );

describe('the way to the consoles', () => {
  it('leads to known hosts on port 443 and nowhere else', async () => {
    const given = await startConsole();
    const elsewhere = (url: string) =>
      failure(got(url, { agent: { https: given.agent }, retry: { limit: 0 } }));
    await given.ask('/threats');
    expect(await elsewhere('https://elsewhere.sentinelone.net/')).toBe('ERR_PROXY_TUNNEL');
    expect(await elsewhere(`https://${host}:444/`)).toBe('ERR_PROXY_TUNNEL');
    expect(given.consoles.connects).toEqual([
      { target: `${host}:443`, admitted: true },
      { target: 'elsewhere.sentinelone.net:443', admitted: false },
      { target: `${host}:444`, admitted: false },
    ]);
    expect((await got(given.consoles.proxyUrl, { throwHttpErrors: false })).statusCode).toBe(403);
    await given.close();
  });

  it('needs the authority that it hands out, and one that is not trusted stays so', async () => {
    const given = await startConsole({ trusted: false });
    expect(await failure(given.ask('/threats'))).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE');
    await given.close();
  });

  it('serves several consoles, each its own records', async () => {
    const consoles = await startConsoles({
      hosts: {
        'one.sentinelone.net': { tokens: [{ token }] },
        'two.sentinelone.net': { tokens: [{ token }] },
      },
    });
    consoles.console('one.sentinelone.net').put('agents', activity('1', at(1)));
    consoles.console('two.sentinelone.net').put('agents', activity('2', at(1)));
    // A process of its own: the environment is read when it starts.
    const script = `
      const { default: got } = await import('got');
      for (const name of ['one', 'two']) {
        const url = 'https://' + name + '.sentinelone.net/web/api/v2.1/agents';
        console.log(await got(url, { headers: { authorization: 'ApiToken ${token}' } }).text());
      }`;
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', script],
      {
        env: {
          NODE_USE_ENV_PROXY: '1',
          HTTPS_PROXY: consoles.proxyUrl,
          NODE_EXTRA_CA_CERTS: consoles.caFile,
        },
      },
    );
    expect(stdout.trim().split('\n').map(idsOf)).toEqual([['1'], ['2']]);
    expect(() => consoles.console('three.sentinelone.net')).toThrow('three.sentinelone.net');
    await consoles.close();
  });

  it('has an authority that is new each time, and goes with it', async () => {
    const [first, second] = [await startConsole(), await startConsole()];
    expect(first.consoles.caPem).not.toBe(second.consoles.caPem);
    expect(new X509Certificate(readFileSync(first.consoles.caFile)).ca).toBe(true);
    await Promise.all([first.close(), second.close()]);
    expect(existsSync(first.consoles.caFile)).toBe(false);
  });

  it('closes although a request still hangs', async () => {
    const given = await startConsole();
    given.console.faults.push(() => ({ hang: true }));
    const asked = failure(given.ask('/threats'));
    await expect.poll(() => given.console.requests.length).toBe(1);
    await given.consoles.close();
    expect(await asked).toBe('ECONNRESET');
    given.agent.destroy();
  });
});
