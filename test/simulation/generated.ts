import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import fc from 'fast-check';
import { parseAst } from 'vitest/node';

/**
 * Mutates a copy of the folders of a poll at each place where a rule applies, and runs the tests: first the file's own
 * unit tests, then forty simulated worlds, then all unit tests of these folders. Exits 1 if fewer than 90 % are caught.
 */
const usage = `npm run mutants:generated                               every mutant (more than an hour on one core)
npm run mutants:generated -- --sample N [--seed S]      N of them, drawn by S (1)
npm run mutants:generated -- --only TEXT                only those whose name holds one of TEXT,TEXT…; a name
                                                        begins with the file, such as collect/listing/position.ts
npm run mutants:generated -- --list                     their names; nothing is run`;

/** One change of one place. */
interface Mutant {
  /** `file:line:column operator`, and after it what becomes of what. */
  readonly name: string;
  /** Below functions/. */
  readonly file: string;
  readonly source: string;
}

/** As far as it matters here; what else a node has are nodes, lists of nodes and plain values. */
interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [key: string]: unknown;
}

interface Change {
  readonly operator: string;
  readonly start: number;
  readonly end: number;
  readonly to: string;
}

const operators: Readonly<Record<string, readonly [operator: string, to: string]>> = {
  '<': ['boundary', '<='],
  '<=': ['boundary', '<'],
  '>': ['boundary', '>='],
  '>=': ['boundary', '>'],
  '===': ['equality', '!=='],
  '!==': ['equality', '==='],
  '&&': ['and/or', '||'],
  '||': ['and/or', '&&'],
  '+': ['arithmetic', '-'],
  '-': ['arithmetic', '+'],
  '*': ['arithmetic', '/'],
  '/': ['arithmetic', '*'],
  '%': ['arithmetic', '*'],
  '+=': ['arithmetic', '-='],
  '-=': ['arithmetic', '+='],
  '*=': ['arithmetic', '/='],
};

const methods: Readonly<Record<string, string>> = {
  max: 'min',
  min: 'max',
  some: 'every',
  every: 'some',
  floor: 'ceil',
  ceil: 'floor',
  round: 'floor',
  startsWith: 'endsWith',
  endsWith: 'startsWith',
};

/** Calls that give back what they are called on, when they are left out. */
const leftOut = ['filter', 'slice', 'sort', 'trim', 'trimStart', 'toLowerCase', 'padEnd'];

/** What holds values around or below types. */
const transparent = ['TSAsExpression', 'TSNonNullExpression', 'TSSatisfiesExpression'];
/** Types, names of modules, and wording. */
const isSkipped = ({ type, callee }: Node) =>
  (type.startsWith('TS') && !transparent.includes(type)) ||
  type === 'ImportDeclaration' ||
  (type === 'NewExpression' && /Error$/.test(String((callee as Node).name)));

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
}

/** All nodes that make the program do something, each with those around it, innermost last. */
function* nodesOf(node: Node, around: readonly Node[] = []): Generator<[Node, readonly Node[]]> {
  if (isSkipped(node)) return;
  yield [node, around];
  const inner = [...around, node];
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (isNode(child)) yield* nodesOf(child, inner);
    }
  }
}

function* changesOf(node: Node, around: readonly Node[], source: string): Generator<Change> {
  const change = (operator: string, to: string, at: Node = node): Change => ({
    operator,
    start: at.start,
    end: at.end,
    to,
  });
  const written = (at: Node) => source.slice(at.start, at.end);
  const parent = around.at(-1);
  const [left, right, test, argument] = [node.left, node.right, node.test, node.argument] as Node[];

  switch (node.type) {
    case 'BinaryExpression':
    case 'LogicalExpression':
    case 'AssignmentExpression': {
      const sign = String(node.operator);
      if (left === undefined || right === undefined) break;
      if (sign === '??')
        yield change('?? left', source.slice(node.start, left.end) + closing(source, left.end, right.start));
      if (sign === '??=') yield change('?? left', '=', { type: sign, ...signOf(source, left.end, sign) });
      const [operator, to] = operators[sign] ?? [];
      if (operator === undefined || to === undefined || isText(node)) break;
      const at = signOf(source, left.end, sign);
      yield change(operator, `(${source.slice(node.start, at.start)}${to}${source.slice(at.end, node.end)})`);
      break;
    }
    case 'Literal':
      if (typeof node.value === 'boolean') yield change('boolean', String(!node.value));
      if (typeof node.value === 'number') {
        yield change('number', node.value === 1 ? '0' : String(node.value + 1));
      }
      break;
    case 'UpdateExpression':
      yield change(
        'arithmetic',
        written(node).replace(/\+\+|--/, (sign) => (sign === '++' ? '--' : '++')),
      );
      break;
    case 'UnaryExpression':
      if (argument !== undefined && (node.operator === '!' || node.operator === '-')) {
        yield change(node.operator === '!' ? 'not' : 'arithmetic', `(${written(argument)})`);
      }
      break;
    case 'IfStatement':
    case 'ConditionalExpression':
      if (test === undefined) break;
      yield change('condition', 'true', test);
      yield change('condition', 'false', test);
      break;
    case 'WhileStatement':
    case 'ForStatement':
      if (isNode(test)) yield change('condition', 'false', test);
      break;
    case 'ReturnStatement':
    case 'ThrowStatement':
    case 'ContinueStatement':
    case 'BreakStatement':
      // Alone below an `if` it is left out by the condition; the last of a function has nothing after it.
      if (parent?.type === 'BlockStatement' && !isLastOf(node, around)) yield change('jump removed', ';');
      break;
    case 'ExpressionStatement': {
      const expression = node.expression as Node;
      if (/Call|Await|Assignment|Update/.test(expression.type) && !/^super\(/.test(written(node))) {
        yield change('statement removed', ';');
      }
      break;
    }
    case 'CallExpression': {
      const callee = node.callee as Node;
      const { object, property } = callee as { object?: Node; property?: Node };
      if (object === undefined || property === undefined) break;
      const name = String(property.name);
      const other = methods[name];
      if (Object.hasOwn(methods, name) && other !== undefined) yield change('method', other, property);
      if (leftOut.includes(name)) yield change('method left out', written(object));
      break;
    }
    case 'MemberExpression':
      if (node.optional === true) {
        const { end } = node.object as Node;
        yield change('optional chain', '.', { type: '?.', ...signOf(source, end, '?.') });
      }
      break;
    case 'SpreadElement':
      if (parent?.type === 'ObjectExpression') yield change('spread removed', '...{}');
  }
}

/** The brackets that close what ends at `from`. */
function closing(source: string, from: number, to: number): string {
  return /^[\s)]*/.exec(source.slice(from, to))?.[0] ?? '';
}

function signOf(source: string, from: number, sign: string): { start: number; end: number } {
  const start = source.indexOf(sign, from);
  return { start, end: start + sign.length };
}

/** Texts are wording; put together or taken apart, they are no arithmetic. */
function isText(node: Node): boolean {
  const { left, right, operator } = node as { left?: Node; right?: Node; operator?: unknown };
  if (operator !== '+') return false;
  return [left, right].some(
    (side) =>
      side?.type === 'TemplateLiteral' ||
      typeof side?.value === 'string' ||
      (side !== undefined && isText(side)),
  );
}

function isLastOf(node: Node, around: readonly Node[]): boolean {
  const [owner, block] = around.slice(-2);
  return /Function/.test(owner?.type ?? '') && Array.isArray(block?.body) && block.body.at(-1) === node;
}

function parsed(source: string): Node | undefined {
  try {
    return parseAst(source, { lang: 'ts', sourceType: 'module' }) as unknown as Node;
  } catch {
    return undefined;
  }
}

function mutantsOf(file: string, source: string): Mutant[] {
  const program = parsed(source);
  if (program === undefined) throw new Error(`${file} can't be parsed`);
  const mutants = new Map<string, Mutant>();
  for (const [node, around] of nodesOf(program)) {
    for (const { operator, start, end, to } of changesOf(node, around, source)) {
      const mutated = source.slice(0, start) + to + source.slice(end);
      if (mutants.has(mutated) || parsed(mutated) === undefined) continue;
      const before = source.slice(0, start).split('\n');
      const shown = (code: string) => code.replace(/\s+/g, ' ').slice(0, 100);
      const where = `${file}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
      const name = `${where} ${operator}: ${shown(source.slice(start, end))} → ${shown(to)}`;
      mutants.set(mutated, { name, file, source: mutated });
    }
  }
  return [...mutants.values()];
}

/** In the order of the files. */
function drawn(mutants: readonly Mutant[], count: number, seed: number): Mutant[] {
  const size = Math.min(count, mutants.length);
  const subset = fc.subarray([...mutants], { minLength: size, maxLength: size });
  return fc.sample(subset, { seed, numRuns: 1 })[0] ?? [];
}

const root = join(import.meta.dirname, '..', '..');
/** Within the project, so that the copy finds its packages. */
const copy = join(root, '.build', 'generated', String(process.pid));
const copied = [
  'functions',
  'test/fakes',
  'test/fixtures',
  'test/simulation',
  'test/functions',
  'test/support/artifacts.ts',
  'test/support/schema.ts',
  'docs',
  'local/console/fleet',
];
/** What a poll is made of. */
const rooms = '{collect,console,deliver,health,instances,kit}';
const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');

/** Whether the program ended well, and what it said. */
async function ends(args: readonly string[], timeout: number): Promise<{ well: boolean; hung: boolean }> {
  const child = spawn(process.execPath, args, { cwd: copy, stdio: 'ignore', timeout, killSignal: 'SIGKILL' });
  await once(child, 'close');
  return { well: child.exitCode === 0, hung: child.signalCode === 'SIGKILL' };
}

/** One thread for all files: their packages are loaded once. */
async function testsFail(
  files: readonly string[],
  timeout: number,
): Promise<'hang' | 'unit test' | undefined> {
  const options = [
    '--root',
    copy,
    '--no-isolate',
    '--pool=threads',
    '--maxWorkers=1',
    '--bail=1',
    '--reporter=dot',
  ];
  const { well, hung } = await ends([vitest, 'run', ...options, ...files], timeout);
  return well ? undefined : hung ? 'hang' : 'unit test';
}

/** What shows that the copy is broken: the cheapest is asked first. */
async function shownBy(file: string, tests: readonly string[], limitMs: number): Promise<string | undefined> {
  const own = tests.filter((test) => test === `test/functions/${file.replace('.ts', '.test.ts')}`);
  const failed = own.length > 0 ? await testsFail(own, limitMs) : undefined;
  if (failed !== undefined) return failed;
  const simulate = join(copy, 'test', 'simulation', 'simulate.ts');
  const worlds = await ends([simulate, '--seeds', '40', '--first', '--workers', '1'], limitMs);
  if (!worlds.well) return worlds.hung ? 'hang' : 'simulation';
  const others = tests.filter((test) => !own.includes(test));
  return testsFail(others, limitMs);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      sample: { type: 'string' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string' },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const say = (line: string) => process.stdout.write(`${line}\n`);
  if (values.help) {
    say(usage);
    return 0;
  }
  const files = globSync([`${rooms}/**/*.ts`, 'errors.ts'], { cwd: join(root, 'functions') }).toSorted();
  const sources = new Map(files.map((file) => [file, readFileSync(join(root, 'functions', file), 'utf8')]));
  const all = [...sources].flatMap(([file, source]) => mutantsOf(file, source));
  const parts = values.only?.split(',');
  const meant = all.filter(({ name }) => parts?.some((part) => name.includes(part)) ?? true);
  const mutants = drawn(meant, Number(values.sample ?? meant.length), Number(values.seed));
  if (values.list) {
    for (const { name } of mutants) say(name);
    return 0;
  }

  await mkdir(copy, { recursive: true });
  try {
    for (const part of copied) await cp(join(root, part), join(copy, part), { recursive: true });
    await writeFile(join(copy, 'vitest.config.mjs'), 'export default { test: { testTimeout: 120_000 } };\n');
    const tests = globSync(`test/functions/${rooms}/**/*.test.ts`, { cwd: copy });
    const began = performance.now();
    const sound = await shownBy('', tests, 20 * 60_000);
    if (sound !== undefined) throw new Error(`a test fails before anything is broken (${sound})`);

    // What takes ten times as long as all of it does unbroken hangs.
    const limitMs = Math.ceil(10 * (performance.now() - began));
    const byWhat = new Map<string, number>();
    const survivors: string[] = [];
    for (const [i, { name, file, source }] of mutants.entries()) {
      const target = join(copy, 'functions', file);
      await writeFile(target, source);
      const shown = await shownBy(file, tests, limitMs);
      await writeFile(target, sources.get(file) ?? '');
      if (shown === undefined) survivors.push(name);
      else byWhat.set(shown, (byWhat.get(shown) ?? 0) + 1);
      say(`${i + 1}/${mutants.length}  ${shown === undefined ? 'SURVIVED' : `caught (${shown})`}  ${name}`);
    }
    const caught = mutants.length - survivors.length;
    say('');
    for (const name of survivors) say(`survived  ${name}`);
    const drawnBy = values.sample === undefined ? '' : ` (of ${meant.length}, drawn by seed ${values.seed})`;
    const kinds = [...byWhat].map(([what, count]) => `${what} ${count}`).join(', ');
    say(`caught ${caught} of ${mutants.length} mutants${drawnBy}: ${kinds}`);
    say(`seconds ${Math.round((performance.now() - began) / 1000)}`);
    return caught >= mutants.length * 0.9 ? 0 : 1;
  } finally {
    await rm(copy, { recursive: true, force: true });
  }
}

process.exitCode = await main();
