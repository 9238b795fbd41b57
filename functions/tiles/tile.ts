import type { InstanceHealth } from '../health/instance-health.ts';
import { forwarderKey } from '../health/status.ts';
import type { Verdict } from '../health/verdict.ts';
import { expiryNoticeMs } from '../instances/expiry.ts';
import type { Frame } from './frame.ts';
import { type Html, html } from './html.ts';
import { age, clock, span } from './times.ts';
import { trouble, withCommands } from './trouble.ts';

/** All of an instance, or of the forwarder. */
export function openTile(health: InstanceHealth, now: number, frame: Frame): Html {
  const { instance, light, worst, streams, tokenExpiresAt, coverage } = health;
  const isForwarder = instance === forwarderKey.instance;
  return html`<div class="s1-tile s1-${light}">
<div class="s1-head"><bdi class="s1-name">${isForwarder ? 'Forwarder to Analytics' : instance}</bdi><span class="s1-badge"><i class="s1-dot"></i>${worst.word}</span></div>
<div class="s1-links">${!isForwarder && console(health)}${!isForwarder && frame.artifacts !== undefined && html`<a href="${frame.artifacts(instance)}">Artifacts</a>`}</div>
${table(streams, now, isForwarder)}
${troubles(streams, frame, isForwarder)}
${complete(streams)}
${(coverage?.sentences ?? []).map((sentence) => html`<div class="s1-token">${withCommands(sentence)}</div>`)}
${tokenExpiresAt !== undefined && expiry(Date.parse(tokenExpiresAt), now)}
</div>`;
}

const hostName = /^[a-z0-9-]+(\.[a-z0-9-]+)+$/i;

/** The host, as a link to the console unless the record breaks a rule. */
function console({ host, streams }: InstanceHealth): Html {
  const name = host.replace(/^https:\/\//i, '').replace(/\/.*$/, '');
  if (!hostName.test(name) || streams.some(({ word }) => word === 'misconfigured'))
    return html`<bdi class="s1-host">${host}</bdi>`;
  return html`<a href="https://${name}/" target="_blank" rel="noopener noreferrer"><bdi>${name}</bdi></a>`;
}

/** One column of the table: its heading, and the value and full time of a stream. */
type Column = readonly [heading: string, value: (verdict: Verdict) => string, title?: keyof Verdict];

function table(streams: readonly Verdict[], now: number, isForwarder: boolean): Html {
  const since = (time: string | undefined) => (time === undefined ? '–' : age(Date.parse(time), now));
  const columns: Column[] = [
    [isForwarder ? 'last post' : 'last poll', ({ lastPollAt }) => since(lastPollAt), 'lastPollAt'],
    [isForwarder ? 'accepted' : 'count', ({ lastCount }) => String(lastCount ?? '–')],
  ];
  if (!isForwarder) columns.push(['last record', ({ lastRecordAt }) => since(lastRecordAt), 'lastRecordAt']);
  if (streams.some((verdict) => behind(verdict) !== '')) columns.push(['behind', behind]);
  return html`<table><tr><td></td><td></td>${columns.map(([heading]) => html`<th scope="col">${heading}</th>`)}</tr>
${streams.map((verdict) => row(verdict, columns))}</table>`;
}

function row(verdict: Verdict, columns: readonly Column[]): Html {
  const { stream, light, word, since } = verdict;
  const title = (time: unknown) => (typeof time === 'string' ? `${clock(Date.parse(time))} UTC` : '');
  const cells = columns.map(
    ([, value, key]) =>
      html`<td title="${key && title(verdict[key])}">${light === 'grey' ? '' : value(verdict)}</td>`,
  );
  const from = since === undefined ? '' : `since ${title(since)}`;
  return html`<tr class="s1-${light}"><th scope="row"><i class="s1-dot"></i>${stream}</th><td class="s1-word" title="${from}">${word}</td>${cells}</tr>
`;
}

/** How far behind, where that is a minute at least. */
export function behind({ lagSeconds = 0 }: Verdict): string {
  return lagSeconds < 60 ? '' : span(lagSeconds * 1000);
}

/** Streams of one instance often fail for one reason. It is shown once. */
function troubles(streams: readonly Verdict[], frame: Frame, isForwarder: boolean): Html[] {
  const groups = Map.groupBy(
    streams.filter(({ error }) => error !== undefined),
    ({ error, remedy }) => `${error}\n${remedy}`,
  );
  return [...groups.values()].map((group) => {
    const [first] = group as [Verdict];
    const names = group.map(({ stream }) => stream).join(', ');
    return html`<div class="s1-trouble"><span>${names}:</span> ${trouble(first, frame, isForwarder ? 'the-forwarder' : undefined)}</div>`;
  });
}

/** Until when every hour was compared with the console's count, of the stream that is the furthest behind. */
function complete(streams: readonly Verdict[]): Html | undefined {
  const [first] = streams.flatMap(({ completeUntil }) => completeUntil ?? []).sort();
  if (first === undefined) return undefined;
  return html`<div class="s1-token">Complete up to ${clock(Date.parse(first)).slice(0, 16)} UTC</div>`;
}

function expiry(at: number, now: number): Html {
  const date = new Date(at).toISOString().slice(0, 10);
  const text = at <= now ? `expired on ${date}` : `expires in ${span(at - now)}, on ${date}`;
  return html`<div class="s1-token ${at - now <= expiryNoticeMs && 's1-soon'}">Token ${text}</div>`;
}
