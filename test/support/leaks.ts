import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** The ways in which a token could be written somewhere. */
function formsOf(token: string): ReadonlyMap<string, string> {
  const json = JSON.stringify(token).slice(1, -1);
  return new Map([
    ['plain', token],
    ['URL-escaped', encodeURIComponent(token)],
    ['as a form has it', new URLSearchParams([['', token]]).toString().slice(1)],
    ['JSON-escaped', json],
    ['JSON-escaped twice', JSON.stringify(json).slice(1, -1)],
    ...[0, 1, 2].map((offset): [string, string] => [`base64 at ${offset}`, base64At(token, offset)]),
    ...[0, 1, 2].map((offset): [string, string] => [
      `base64url at ${offset}`,
      base64At(token, offset).replaceAll('+', '-').replaceAll('/', '_'),
    ]),
  ]);
}

/** What all base64 texts share that hold the token behind so many bytes, modulo three. */
function base64At(token: string, offset: number): string {
  const whole = Buffer.from('x'.repeat(offset) + token)
    .toString('base64')
    .replace(/=+$/, '');
  const first = Math.ceil((offset * 8) / 6);
  const last = Math.floor(((offset + token.length) * 8) / 6);
  return whole.slice(first, last);
}

/** A place where the token was found, and how it was written there. */
export interface Leak {
  readonly where: string;
  readonly form: string;
}

/** Looks for tokens in all that it is shown. */
export class LeakSearch {
  readonly #forms: readonly (readonly [form: string, text: string])[];
  readonly leaks: Leak[] = [];
  /** What was looked at, so that a search that saw nothing is noticed. */
  readonly seen = new Map<string, number>();

  constructor(tokens: readonly string[]) {
    this.#forms = tokens.flatMap((token) => [...formsOf(token)]);
  }

  text(kind: string, where: string, text: string): void {
    this.seen.set(kind, (this.seen.get(kind) ?? 0) + 1);
    for (const [form, wanted] of this.#forms)
      if (text.includes(wanted)) this.leaks.push({ where: `${kind} ${where}`, form });
  }

  /** Every file below a folder. */
  files(folder: string): void {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      this.text('file', path, readFileSync(path, 'latin1'));
    }
  }

  /** Arguments and environment of every process that descends from this one, again and again until it is stopped. */
  async processes(stopped: AbortSignal): Promise<void> {
    const looked = new Set<string>();
    while (!stopped.aborted) {
      for (const { pid, path } of descendants(process.pid)) {
        for (const kind of ['cmdline', 'environ']) {
          const text = readable(`${path}/${kind}`);
          if (text === undefined || text === '' || looked.has(`${pid} ${kind} ${text}`)) continue;
          looked.add(`${pid} ${kind} ${text}`);
          this.text(kind, String(pid), text);
        }
      }
      await sleep(5);
    }
  }
}

function descendants(root: number): { pid: number; path: string }[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    // The name in brackets may hold anything; the parent is the second word behind it.
    const stat = readable(`/proc/${name}/stat`);
    const parent = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[1];
    if (parent !== undefined) parents.set(Number(name), Number(parent));
  }
  const isBelow = (pid: number): boolean => {
    const parent = parents.get(pid);
    return parent !== undefined && (parent === root || isBelow(parent));
  };
  return [...parents.keys()].filter(isBelow).map((pid) => ({ pid, path: `/proc/${pid}` }));
}

/** A process may be gone by now. */
function readable(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
