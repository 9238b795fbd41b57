import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import packageJson from '../../package.json' with { type: 'json' };
import { benchAlerts } from './alerts.ts';
import { benchBombs } from './bombs.ts';
import { benchColdStart } from './cold-start.ts';
import { benchDrain, benchLimiter, benchSlow, benchThird } from './drain.ts';
import { benchForwarder } from './forwarder.ts';
import { benchFreshness } from './freshness.ts';
import { benchFurtherRun, benchTick } from './further-run.ts';
import { benchGrowth, benchInstances } from './growth.ts';
import { benchNeighbours } from './neighbours.ts';
import { benchQuiet } from './quiet.ts';
import { type Report, table } from './report.ts';
import { benchSecrets } from './secrets.ts';
import { benchThousand } from './thousand.ts';

const file = join(import.meta.dirname, '..', '..', 'docs', 'benchmarks.md');

const benches: { readonly [name: string]: () => Promise<Report> } = {
  drain: () => benchDrain(3),
  limiter: () => benchLimiter(3),
  'third-of-a-core': () => benchThird(3),
  slow: () => benchSlow(),
  growth: () => benchGrowth(3),
  instances: () => benchInstances(3),
  'further-run': () => benchFurtherRun(5),
  tick: () => benchTick(),
  secrets: () => benchSecrets(),
  neighbours: () => benchNeighbours(9),
  'cold-start': () => benchColdStart(20),
  quiet: () => benchQuiet(),
  alerts: () => benchAlerts(1),
  thousand: () => benchThousand(3),
  bombs: () => benchBombs(),
  forwarder: () => benchForwarder(),
  freshness: () => benchFreshness(20),
};

const asked = process.argv.slice(2);
const unknown = asked.find((name) => !Object.hasOwn(benches, name));
if (unknown !== undefined) {
  process.stderr.write(`no benchmark is called ${unknown}; there are ${Object.keys(benches).join(', ')}\n`);
  process.exit(1);
}

const known = existsSync(file) ? readFileSync(file, 'utf8') : '';
const parts: string[] = [];
for (const [name, run] of Object.entries(benches)) {
  if (asked.length > 0 && !asked.includes(name)) {
    const kept = new RegExp(`<!-- ${name} -->.*<!-- /${name} -->`, 's').exec(known);
    if (kept !== null) parts.push(kept[0]);
    continue;
  }
  const began = performance.now();
  const [load = 0] = loadavg();
  const part = written(name, await run(), (performance.now() - began) / 1000, load);
  process.stdout.write(`${part}\n\n`);
  parts.push(part);
}
writeFileSync(file, `${head()}\n\n${parts.join('\n\n')}\n`);

function written(name: string, { title, shown, text }: Report, seconds: number, load: number): string {
  const rows = shown.map(({ what, target, measured, met }) => [
    what,
    target,
    measured,
    met ? 'yes' : '**no**',
  ]);
  return `<!-- ${name} -->
## ${title}

${rows.length > 0 ? `${table(['must show', 'target', 'measured', 'met'], rows)}\n\n` : ''}${text}

\`npm run bench -- ${name}\`; measured ${new Date().toISOString().slice(0, 10)} in ${Math.round(seconds)} s on ${machine()}, whose load was ${load.toFixed(1)} before.
<!-- /${name} -->`;
}

function machine(): string {
  const [first] = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} × ${first?.model.trim()}, ${memory} GiB, Linux ${release()}, Node ${process.version}`;
}

function head(): string {
  const { dependencies, devDependencies } = packageJson;
  const versions = Object.entries({
    '@aws-sdk/client-sqs': dependencies['@aws-sdk/client-sqs'],
    '@aws-sdk/client-dynamodb': dependencies['@aws-sdk/client-dynamodb'],
    got: dependencies.got,
    esbuild: devDependencies.esbuild,
  }).map(([name, version]) => `${name} ${version}`);
  return `# Benchmarks

Performance of the collector; [cost.md](cost.md) has the cost. Values are medians, with minimum and maximum in brackets.
\`npm run bench\` measures everything in about 15 minutes and writes this file; the command below each part measures that part.
Linux only.

- The deployed bundle runs in a separate process under a stand-in for Lambda's Runtime API. Its CPU time and peak memory
  (VmHWM) are read from \`/proc\`. Node has the heap limit that Lambda sets at 512 MB. Consoles and AWS run in separate processes.
- Records are from the simulated fleet (\`local/console/fleet\`); activities have 1.1 KB on average. Pages are generated and
  compressed in advance, and a minimal stand-in counts calls to SQS, DynamoDB and Secrets Manager (\`test/bench/\`), so that the
  benchmark does not measure the stand-ins.
- Requests to consoles are encrypted and use a forward proxy, as in the tests. Requests to AWS are not encrypted.
- The two values of a ratio are measured in turn, so that other load affects both.
- \`test/bench/bench.test.ts\` also asserts the counts (requests, calls, bytes), but not the times.

Versions: ${versions.join(', ')}.`;
}
