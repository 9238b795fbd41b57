import { Html, html } from './html.ts';
import { style } from './style.ts';
import {
  type Choice,
  choose,
  isProblem,
  type Level,
  levels,
  type Show,
  type StreamTile,
  shows,
  sorts,
  type Tile,
  tally,
} from './tiles.ts';

/** What the tiles are shown in. */
export interface Frame {
  readonly theme: 'light' | 'dark' | 'auto';
  readonly controls: Controls;
}

/** How a choice is made where there is no script. */
export interface Controls {
  /** Around the fields, which are named as in `Choice`. */
  readonly form: (fields: Html) => Html;
  /** What shows these tiles when it is chosen. */
  readonly link: (label: Html, show: Show) => Html;
}

/** So many tiles are shown with all that is known of them; more than that are a list. */
const mostOpen = 60;
/** So few are shown open however well they are. */
const fewOpen = 12;
/** A page holds no more; the choice finds the others. */
const mostTiles = 1500;

/** The tiles as HTML without a script, for a widget as for a page. Everything in it is escaped. */
export function renderTiles(tiles: readonly Tile[], choice: Choice, now: number, frame: Frame): string {
  const chosen = choose(tiles, choice);
  const shown = chosen.slice(0, mostTiles);
  const open = new Set(
    shown.length <= fewOpen ? shown : shown.filter(({ level }) => isProblem(level)).slice(0, mostOpen),
  );
  const listed = shown.filter((tile) => !open.has(tile));
  const left = chosen.length - shown.length;
  return html`<style>${new Html(style)}</style>
<div class="cwdb-no-default-styles s1 s1-${frame.theme}">
${summary(tiles, choice, now, frame.controls)}
${frame.controls.form(fields(choice))}
${tiles.length === 0 && html`<p class="s1-note">There is no instance yet.</p>`}
${tiles.length > 0 && chosen.length === 0 && html`<p class="s1-note">No instance is like that.</p>`}
<div class="s1-open">${[...open].map((tile) => openTile(tile, now))}</div>
<div class="s1-list">${listed.map((tile) => listedTile(tile, now))}</div>
${left > 0 && html`<p class="s1-note">${left} more: narrow the choice to see them.</p>`}
</div>`.text;
}

const named: Readonly<Record<Level, string>> = {
  red: 'need you',
  yellow: 'worth a look',
  green: 'well',
  grey: 'off',
};

function summary(tiles: readonly Tile[], { show }: Choice, now: number, { link }: Controls): Html {
  const counts = tally(tiles);
  const chips = levels
    .filter((level) => counts[level] > 0)
    .map((level) =>
      link(
        html`<b class="s1-${level} ${show === level && 's1-picked'}">${counts[level]} ${named[level]}</b>`,
        show === level ? 'all' : level,
      ),
    );
  const all = tiles.length === 1 ? '1 instance' : `${tiles.length} instances`;
  return html`<div class="s1-summary"><strong>${all}</strong> ${chips} <span class="s1-when">at ${clock(now)} UTC</span></div>`;
}

function fields({ find, show, sort }: Choice): Html {
  const options = (all: readonly string[], picked: string) =>
    all.map((one) => html`<option value="${one}" ${one === picked && 'selected'}>${one}</option>`);
  return html`<label>Find <input name="find" value="${find}" size="22" maxlength="200" placeholder="name, host, state, error"></label>
<label>Show <select name="show">${options(shows, show)}</select></label>
<label>First <select name="sort">${options(sorts, sort)}</select></label>`;
}

function openTile(tile: Tile, now: number): Html {
  const { instance, host, level, word, streams, tokenExpiresAt, tokenExpires } = tile;
  return html`<div class="s1-tile s1-${level}">
<div class="s1-head"><bdi class="s1-name">${instance}</bdi>${badge(level, word)}</div>
<bdi class="s1-host">${host}</bdi>
<table>${streams.map((stream) => streamRow(stream, now))}</table>
${troubles(streams)}
${tokenExpiresAt !== undefined && html`<div class="s1-token ${tokenExpires && 's1-soon'}">Token ${expiry(tokenExpiresAt, now)}</div>`}
</div>`;
}

function badge(level: Level, word: string): Html {
  return html`<span class="s1-badge"><i class="s1-dot"></i>${level === 'grey' ? 'off' : word}</span>`;
}

function streamRow({ stream, level, word, lastPollAt, lagMs, lastRecordAt }: StreamTile, now: number): Html {
  if (level === 'grey')
    return html`<tr class="s1-grey"><th><i class="s1-dot"></i>${stream}</th><td colspan="3">off</td></tr>`;
  const behind = lagMs === undefined || lagMs < 60_000 ? '' : `${span(lagMs)} behind`;
  const record = lastRecordAt === undefined ? undefined : `last record ${clock(lastRecordAt)} UTC`;
  return html`<tr class="s1-${level}"><th><i class="s1-dot"></i>${stream}</th><td class="s1-word">${word}</td>
<td title="${lastPollAt === undefined ? '' : `${clock(lastPollAt)} UTC`}">${lastPollAt === undefined ? 'never polled' : `polled ${since(lastPollAt, now)}`}</td>
<td title="${record}">${behind}</td></tr>`;
}

/** Streams of one instance often fail for one reason: it is said once. */
function troubles(streams: readonly StreamTile[]): Html[] {
  const told = Map.groupBy(
    streams.filter(({ error }) => error !== undefined),
    ({ error, remedy }) => `${error}\n${remedy}`,
  );
  return [...told.values()].map(([first, ...others]) => {
    const names = [first, ...others].map((one) => one?.stream).join(', ');
    return html`<div class="s1-trouble"><span>${names}:</span> <bdi>${first?.error}</bdi><br><bdi class="s1-remedy">${first?.remedy}</bdi></div>`;
  });
}

function listedTile({ instance, host, level, word, lagMs, lastPollAt }: Tile, now: number): Html {
  const polled = lastPollAt === undefined ? 'never polled' : `polled ${since(lastPollAt, now)}`;
  const lag = lagMs === undefined || lagMs < 60_000 ? '' : `, ${span(lagMs)} behind`;
  const what = level === 'grey' ? 'off' : word;
  return html`<span class="s1-small s1-${level}" title="${host}: ${what}, ${polled}${lag}"><i class="s1-dot"></i><bdi>${instance}</bdi> <em>${what}</em></span>`;
}

function expiry(at: number, now: number): string {
  const date = new Date(at).toISOString().slice(0, 10);
  return at <= now ? `expired on ${date}` : `expires in ${span(at - now)}, on ${date}`;
}

/** `2026-03-01 12:00:05` */
function clock(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? '-' : date.toISOString().slice(0, 19).replace('T', ' ');
}

function since(ms: number, now: number): string {
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
