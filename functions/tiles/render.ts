import { countLights } from '../health/fleet.ts';
import { type InstanceHealth, isProblem, type Selection, select } from '../health/instance-health.ts';
import type { Light, Verdict } from '../health/verdict.ts';
import { expiryNoticeMs } from '../instances/expiry.ts';
import { shows, sorts } from './choice.ts';
import { Html, html } from './html.ts';
import { style } from './style.ts';

/** The context in which the tiles are shown. */
export interface Frame {
  readonly theme: 'light' | 'dark' | 'auto';
  readonly controls: Controls;
}

/** How the user filters the tiles without a script. */
export interface Controls {
  /** Wraps the fields, which are named as in `Choice`. */
  readonly form: (fields: Html) => Html;
  readonly link: (label: Html, show: Selection['show']) => Html;
}

/** Up to this number, tiles show all details. More instances are shown as a list. */
const mostOpen = 60;
/** Up to this number, all tiles are open, whatever their health. */
const fewOpen = 12;
/** The maximum number of tiles on a page. A filter finds the others. */
const mostTiles = 1500;

/** Renders the tiles as HTML without a script, for a widget or a page. All text is escaped. */
export function renderTiles(
  tiles: readonly InstanceHealth[],
  choice: Selection,
  now: number,
  frame: Frame,
): string {
  const chosen = select(tiles, choice);
  const shown = chosen.slice(0, mostTiles);
  const open = new Set(shown.length <= fewOpen ? shown : shown.filter(isProblem).slice(0, mostOpen));
  const listed = shown.filter((tile) => !open.has(tile));
  const left = chosen.length - shown.length;
  return html`<style>${new Html(style)}</style>
<div class="cwdb-no-default-styles s1 s1-${frame.theme}">
${summary(tiles, choice, now, frame.controls)}
${frame.controls.form(fields(choice))}
${tiles.length === 0 && html`<p class="s1-note">There is no instance yet.</p>`}
${tiles.length > 0 && chosen.length === 0 && html`<p class="s1-note">No matches.</p>`}
<div class="s1-open">${[...open].map((tile) => openTile(tile, now))}</div>
<div class="s1-list">${listed.map((tile) => listedTile(tile, now))}</div>
${left > 0 && html`<p class="s1-note">${left} more: refine the filter.</p>`}
</div>`.text;
}

const named: Readonly<Record<Light, string>> = {
  red: 'critical',
  yellow: 'warning',
  green: 'healthy',
  grey: 'off',
};

function summary(
  tiles: readonly InstanceHealth[],
  { show }: Selection,
  now: number,
  { link }: Controls,
): Html {
  const counts = countLights(tiles);
  const chips = (Object.keys(named) as Light[])
    .filter((light) => counts[light] > 0)
    .map((light) =>
      link(
        html`<b class="s1-${light} ${show === light && 's1-picked'}">${counts[light]} ${named[light]}</b>`,
        show === light ? 'all' : light,
      ),
    );
  const all = tiles.length === 1 ? '1 instance' : `${tiles.length} instances`;
  return html`<div class="s1-summary"><strong>${all}</strong> ${chips} <span class="s1-when">at ${clock(now)} UTC</span></div>`;
}

function fields({ find, show, sort }: Selection): Html {
  const options = (all: readonly string[], picked: string) =>
    all.map((one) => html`<option value="${one}" ${one === picked && 'selected'}>${one}</option>`);
  return html`<label>Find <input name="find" value="${find}" size="22" maxlength="200" placeholder="name, host, state, error"></label>
<label>Show <select name="show">${options(shows, show)}</select></label>
<label>First <select name="sort">${options(sorts, sort)}</select></label>`;
}

function openTile(
  { instance, host, light, worst, streams, tokenExpiresAt }: InstanceHealth,
  now: number,
): Html {
  return html`<div class="s1-tile s1-${light}">
<div class="s1-head"><bdi class="s1-name">${instance}</bdi><span class="s1-badge"><i class="s1-dot"></i>${worst.word}</span></div>
<bdi class="s1-host">${host}</bdi>
<table>${streams.map((stream) => streamRow(stream, now))}</table>
${troubles(streams)}
${tokenExpiresAt !== undefined && expiry(Date.parse(tokenExpiresAt), now)}
</div>`;
}

function streamRow(verdict: Verdict, now: number): Html {
  const { stream, light, word, since, lastPollAt, lastRecordAt } = verdict;
  const title = (what: string, time: string | undefined) =>
    time === undefined ? '' : `${what} ${clock(Date.parse(time))} UTC`;
  return html`<tr class="s1-${light}"><th><i class="s1-dot"></i>${stream}</th><td class="s1-word" title="${title('since', since)}">${word}</td>
<td title="${title('last poll', lastPollAt)}">${light !== 'grey' && polled(verdict, now)}</td>
<td title="${title('last record', lastRecordAt)}">${light !== 'grey' && behind(verdict)}</td></tr>`;
}

function polled({ lastPollAt }: Verdict, now: number): string {
  return lastPollAt === undefined ? '' : `polled ${ago(Date.parse(lastPollAt), now)}`;
}

function behind({ lagSeconds = 0 }: Verdict): string {
  return lagSeconds < 60 ? '' : `${span(lagSeconds * 1000)} behind`;
}

/** Streams of one instance often fail for the same reason, which is shown once. */
function troubles(streams: readonly Verdict[]): Html[] {
  const groups = Map.groupBy(
    streams.filter(({ error }) => error !== undefined),
    ({ error, remedy }) => `${error}\n${remedy}`,
  );
  return [...groups.values()].map((group) => {
    const [first] = group;
    const names = group.map(({ stream }) => stream).join(', ');
    return html`<div class="s1-trouble"><span>${names}:</span> <bdi>${first?.error}</bdi><br><bdi class="s1-remedy">${first?.remedy}</bdi></div>`;
  });
}

function listedTile({ instance, host, light, worst }: InstanceHealth, now: number): Html {
  const details = [worst.word, polled(worst, now), behind(worst)].filter((text) => text !== '').join(', ');
  return html`<span class="s1-small s1-${light}" title="${host}: ${details}"><i class="s1-dot"></i><bdi>${instance}</bdi> <em>${worst.word}</em></span>`;
}

function expiry(at: number, now: number): Html {
  const date = new Date(at).toISOString().slice(0, 10);
  const text = at <= now ? `expired on ${date}` : `expires in ${span(at - now)}, on ${date}`;
  return html`<div class="s1-token ${at - now <= expiryNoticeMs && 's1-soon'}">Token ${text}</div>`;
}

/** `2026-03-01 12:00:05` */
function clock(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

function ago(ms: number, now: number): string {
  return now - ms < 45_000 ? 'just now' : `${span(now - ms)} ago`;
}

const units = [
  ['d', 24 * 60 * 60_000],
  ['h', 60 * 60_000],
  ['min', 60_000],
] as const;

/** The largest unit that fits, rounded down. */
function span(ms: number): string {
  const [unit, size] = units.find(([, one]) => ms >= one) ?? ['s', 1000];
  return `${Math.floor(Math.max(0, ms) / size)} ${unit}`;
}
