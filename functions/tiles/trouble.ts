import { states } from '../errors.ts';
import type { Frame } from './frame.ts';
import { type Html, html } from './html.ts';

/** A command to type, which stands behind a colon or another command. */
const command = /(?<=: |, then )((?:(?:\.\/)?collector|npm run) [a-z-]+(?: '[^']*'| [\w:,./=+-]*[\w/-])*)/;

/** The heading in docs/operations.md for words that are no states. */
export const headings: Readonly<Record<string, string>> = {
  silent: 'polls-failing',
  'nothing new': 'nothing-new',
  'token expires': 'token',
  'token expired': 'token',
  'never polled': 'pending',
  starting: 'pending',
  'killed a run': 'failed',
  'filter ignored': 'odd-answers',
  'small pages': 'odd-answers',
  'wrong clock': 'odd-answers',
  'not complete': 'records-missing',
  'late records': 'late-records',
};

/** A text with its commands in elements of their own. */
export function withCommands(text: string): Html[] {
  // Every second part is a command.
  return text
    .split(command)
    .map((part, i) =>
      i % 2 === 0
        ? html`<bdi class="s1-remedy">${part}</bdi>`
        : html`<code class="s1-command"><bdi>${part}</bdi></code>`,
    );
}

interface Trouble {
  readonly word: string;
  readonly error?: string | undefined;
  readonly remedy?: string | undefined;
}

const headingOf = (word: string) => headings[word] ?? (Object.hasOwn(states, word) ? word : 'how-to-check');

/** What is wrong, what to do, the command to copy, and where the runbook says more. */
export function trouble(
  { word, error, remedy = '' }: Trouble,
  { runbook }: Frame,
  heading = headingOf(word),
): Html {
  const page =
    runbook === undefined
      ? html`<span class="s1-remedy">docs/operations.md#${heading}</span>`
      : html`<a class="s1-runbook" href="${runbook}#${heading}" target="_blank" rel="noopener">Runbook</a>`;
  return html`${error !== undefined && html`<bdi>${error}</bdi><br>`}<span class="s1-do">${withCommands(remedy)}</span> ${page}`;
}
