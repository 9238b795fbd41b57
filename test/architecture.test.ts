import { globSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { describe, expect, it } from 'vitest';

/** One import: from a file, to a file, `node:…` or the name of a package. */
interface Edge {
  readonly from: string;
  readonly to: string;
  /** Gone when the program runs. */
  readonly typeOnly: boolean;
}

const root = new URL('..', import.meta.url).pathname;
const files = globSync('{cli,functions,infra,local}/**/*.{ts,mjs}', { cwd: root }).filter(
  (file) => !file.endsWith('.d.ts'),
);

function importsOf(from: string, source: string): Edge[] {
  const code = source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const statement =
    /^\s*(?:import|export)\s(type\s)?(?:[^'";]*?\sfrom\s*)?'([^']+)'|\bimport\(\s*'([^']+)'\s*\)/gm;
  return [...code.matchAll(statement)].map(([, type, written, dynamic]) => {
    const target = written ?? dynamic ?? '';
    const to = target.startsWith('.') ? posix.join(posix.dirname(from), target) : target;
    return { from, to, typeOnly: type !== undefined };
  });
}

const edges = files.flatMap((file) => importsOf(file, readFileSync(`${root}${file}`, 'utf8')));

const within =
  (...places: string[]) =>
  (file: string) =>
    places.some((place) => file.startsWith(place));
const isOurs = within('functions/', 'infra/', 'local/', 'test/', 'cli/', 'docs/');
const network = /^node:(http|https|http2|net|tls|dgram|dns)(\/|$)/;
const cloud = /^(@aws-sdk\/|@smithy\/|@aws-lambda-powertools\/|@middy\/|aws-|constructs$|got$)/;

/** Who may import what: the first that speaks for a file decides. */
const rules: readonly [who: (file: string) => boolean, may: (to: string, from: string) => boolean][] = [
  [
    within('functions/core/'),
    (to) => (isOurs(to) ? to.startsWith('functions/core/') : !network.test(to) && !cloud.test(to)),
  ],
  [within('functions/streams/list.ts'), within('functions/core/', 'functions/streams/')],
  [within('functions/streams/'), within('functions/core/')],
  [
    within('functions/adapters/'),
    (to) =>
      !isOurs(to) ||
      within(
        'functions/core/',
        'functions/adapters/aws.ts',
        'functions/adapters/batch-body.ts',
        'functions/adapters/http.ts',
        'docs/artifact.schema.json',
      )(to),
  ],
  [
    within('functions/environment.ts', 'functions/forwarder-environment.ts'),
    within('functions/core/', 'functions/variables.ts'),
  ],
  [within('functions/'), (to) => !isOurs(to) || to.startsWith('functions/')],
  [
    within('infra/'),
    (to) =>
      !isOurs(to) ||
      within(
        'infra/',
        'functions/streams/',
        'functions/health/',
        'functions/environment.ts',
        'functions/forwarder-environment.ts',
      )(to),
  ],
  // What an operator types knows the rules, and the vendor's API, but no part of the deployment.
  [
    within('cli/'),
    (to) =>
      !isOurs(to) ||
      within(
        'cli/',
        'functions/core/',
        'functions/streams/list.ts',
        'functions/adapters/aws.ts',
        'functions/adapters/sentinelone.ts',
      )(to),
  ],
  // What stands in for the world must not borrow the code that it tests.
  [
    within('local/console/', 'local/aws/', 'local/analytics/'),
    (to) => !isOurs(to) || to.startsWith('local/'),
  ],
  [within('local/'), (to) => !to.startsWith('test/')],
];

function violations(graph: readonly Edge[]): string[] {
  const wrong = graph.filter(({ from, to }) => rules.find(([who]) => who(from))?.[1](to, from) === false);
  return [...wrong.map(({ from, to }) => `${from} imports ${to}`), ...manySdks(graph)];
}

/** Of an adapter that knows more than one outside system. */
function manySdks(graph: readonly Edge[]): string[] {
  const packages = Map.groupBy(
    graph.filter(
      ({ from, to }) => from.startsWith('functions/adapters/') && !isOurs(to) && !to.startsWith('node:'),
    ),
    ({ from }) => from,
  );
  return [...packages].flatMap(([from, imports]) => {
    // The AWS SDK is made of both.
    const vendors = new Set(imports.map(({ to }) => to.split('/')[0]?.replace('@smithy', '@aws-sdk')));
    return vendors.size > 1 ? [`${from} knows ${[...vendors].sort().join(' and ')}`] : [];
  });
}

/** One cycle of imports that run, as the files along it. */
function cycle(graph: readonly Edge[]): string[] | undefined {
  const next = Map.groupBy(
    graph.filter(({ typeOnly }) => !typeOnly),
    ({ from }) => from,
  );
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const { to } of next.get(file) ?? []) {
      const found = visit(to, [...path, file]);
      if (found !== undefined) return found;
    }
    done.add(file);
    return undefined;
  };
  for (const file of next.keys()) {
    const found = visit(file, []);
    if (found !== undefined) return found;
  }
  return undefined;
}

describe('the imports of what is deployed and of what stands in for the world', () => {
  it('point one way', () => {
    expect(violations(edges)).toEqual([]);
  });

  it('do not go round in circles', () => {
    expect(cycle(edges)).toBeUndefined();
  });

  it('lead to files that exist', () => {
    const known = new Set(files);
    const lost = edges.filter(({ to }) => isOurs(to) && !known.has(to) && !to.endsWith('.json'));
    expect(lost).toEqual([]);
  });

  it('are all seen: of every kind at least one that is known', () => {
    const edge = (from: string, to: string, typeOnly = false) => ({ from, to, typeOnly });
    expect(edges).toEqual(
      expect.arrayContaining([
        edge('functions/poller.ts', 'functions/core/run.ts'),
        edge('functions/core/page.ts', 'functions/core/stream.ts', true),
        edge('functions/streams/list.ts', 'functions/streams/threats.ts'),
        edge('functions/adapters/overflow-bucket.ts', '@aws-sdk/client-s3'),
      ]),
    );
    expect(files.length).toBeGreaterThan(50);
  });
});

describe('reading imports', () => {
  const statements: [source: string, to: string | undefined, typeOnly?: boolean][] = [
    ["import { a } from './b.ts';", 'functions/core/b.ts'],
    ["import a from 'got';", 'got'],
    ["import * as v from 'valibot';", 'valibot'],
    ["import './b.ts';", 'functions/core/b.ts'],
    ["import {\n  a,\n  type B,\n} from '../streams/list.ts';", 'functions/streams/list.ts'],
    ["import type { A } from './b.ts';", 'functions/core/b.ts', true],
    ["export { a } from './b.ts';", 'functions/core/b.ts'],
    ["export * from './b.ts';", 'functions/core/b.ts'],
    ["export type { A } from './b.ts';", 'functions/core/b.ts', true],
    ["const { a } = await import('./b.ts');", 'functions/core/b.ts'],
    ["// import { a } from './b.ts';", undefined],
    ["/**\n * import { a } from './b.ts';\n */", undefined],
    ["export const words = 'from here';", undefined],
  ];
  it.each(statements)('%s', (source, to, typeOnly = false) => {
    const found = importsOf('functions/core/a.ts', source);
    expect(found).toEqual(to === undefined ? [] : [{ from: 'functions/core/a.ts', to, typeOnly }]);
  });

  it('finds each of several', () => {
    const source =
      "import { a } from './a.ts';\nimport b from 'b';\n\nexport const c = () => import('./c.ts');\n";
    expect(importsOf('x.ts', source).map(({ to }) => to)).toEqual(['a.ts', 'b', 'c.ts']);
  });
});

describe('the rules', () => {
  const forbidden: [from: string, to: string][] = [
    ['functions/core/run.ts', 'functions/adapters/sqs.ts'],
    ['functions/core/run.ts', 'functions/streams/list.ts'],
    ['functions/core/run.ts', 'functions/environment.ts'],
    ['functions/core/run.ts', 'local/show.ts'],
    ['functions/core/run.ts', '@aws-sdk/client-sqs'],
    ['functions/core/run.ts', '@aws-lambda-powertools/logger'],
    ['functions/core/run.ts', '@middy/core'],
    ['functions/core/run.ts', 'aws-cdk-lib'],
    ['functions/core/run.ts', 'aws-cdk-lib/aws-sqs'],
    ['functions/core/run.ts', 'aws-lambda'],
    ['functions/core/run.ts', 'got'],
    ['functions/core/run.ts', 'node:http'],
    ['functions/core/run.ts', 'node:https'],
    ['functions/streams/agents.ts', 'functions/streams/threats.ts'],
    ['functions/streams/agents.ts', 'functions/adapters/sqs.ts'],
    ['functions/streams/agents.ts', 'valibot'],
    ['functions/streams/list.ts', 'functions/poller.ts'],
    ['functions/adapters/sqs.ts', 'functions/adapters/dynamodb.ts'],
    ['functions/adapters/sqs.ts', 'functions/streams/list.ts'],
    ['functions/adapters/sqs.ts', 'functions/environment.ts'],
    ['functions/environment.ts', 'functions/streams/list.ts'],
    ['functions/poller.ts', 'infra/settings.ts'],
    ['functions/poller.ts', 'local/show.ts'],
    ['functions/poller.ts', 'test/fakes/clock.ts'],
    ['infra/stack.ts', 'functions/poller.ts'],
    ['infra/stack.ts', 'functions/core/settings.ts'],
    ['infra/stack.ts', 'local/aws/template.ts'],
    ['cli/stack.ts', 'infra/settings.ts'],
    ['cli/stack.ts', 'local/collector.ts'],
    ['cli/records.ts', 'functions/adapters/dynamodb.ts'],
    ['cli/functions.ts', 'functions/poller.ts'],
    ['cli/functions.ts', 'test/support/cli.ts'],
    ['functions/poller.ts', 'cli/functions.ts'],
    ['infra/stack.ts', 'cli/stack.ts'],
    ['local/aws/lambda.ts', 'cli/running.ts'],
    ['local/console/page-token.ts', 'functions/core/page.ts'],
    ['local/aws/aws.ts', 'functions/adapters/aws.ts'],
    ['local/start.ts', 'test/fakes/clock.ts'],
  ];
  it.each(forbidden)('%s may not import %s', (from, to) => {
    for (const typeOnly of [false, true]) {
      expect(violations([{ from, to, typeOnly }])).toEqual([`${from} imports ${to}`]);
    }
  });

  it.each([
    ['functions/core/run.ts', 'functions/core/page.ts'],
    ['functions/core/run.ts', 'valibot'],
    ['functions/core/run.ts', 'node:crypto'],
    ['functions/streams/agents.ts', 'functions/core/json.ts'],
    ['functions/adapters/sqs.ts', 'functions/adapters/aws.ts'],
    ['functions/adapters/sentinelone.ts', 'node:http'],
    ['functions/poller.ts', 'functions/adapters/sqs.ts'],
    ['cli/records.ts', 'functions/core/instance.ts'],
    ['cli/commands/check.ts', 'functions/adapters/sentinelone.ts'],
    ['local/start.ts', 'cli/running.ts'],
    ['infra/stack.ts', 'functions/streams/list.ts'],
    ['infra/stack.ts', 'functions/environment.ts'],
    ['local/start.ts', 'infra/synth.ts'],
  ])('%s may import %s', (from, to) => {
    expect(violations([{ from, to, typeOnly: false }])).toEqual([]);
  });

  it('let an adapter know one outside system', () => {
    const edge = (to: string) => ({ from: 'functions/adapters/new.ts', to, typeOnly: false });
    expect(violations([edge('@aws-sdk/client-s3'), edge('@aws-sdk/util-dynamodb'), edge('node:fs')])).toEqual(
      [],
    );
    expect(violations([edge('@aws-sdk/client-s3'), edge('got')])).toEqual([
      'functions/adapters/new.ts knows @aws-sdk and got',
    ]);
  });

  it('find a cycle, also behind a way that leads nowhere, unless types alone close it', () => {
    const edge = (from: string, to: string, typeOnly = false) => ({ from, to, typeOnly });
    const line = [edge('a', 'x'), edge('a', 'b'), edge('b', 'c')];
    expect(cycle(line)).toBeUndefined();
    expect(cycle([...line, edge('c', 'b')])).toEqual(['b', 'c', 'b']);
    expect(cycle([...line, edge('c', 'a')])).toEqual(['a', 'b', 'c', 'a']);
    expect(cycle([...line, edge('c', 'a', true)])).toBeUndefined();
    expect(cycle([edge('a', 'a')])).toEqual(['a', 'a']);
  });
});
