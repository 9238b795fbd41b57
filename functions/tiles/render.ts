import { countLights } from '../health/fleet.ts';
import { groupProblems, type ProblemGroup } from '../health/groups.ts';
import { type InstanceHealth, isProblem, type Selection, select } from '../health/instance-health.ts';
import type { Light } from '../health/verdict.ts';
import { shows, sorts } from './choice.ts';
import type { Controls, Frame } from './frame.ts';
import { Html, html } from './html.ts';
import { style } from './style.ts';
import { behind, openTile } from './tile.ts';
import { age, clock } from './times.ts';
import { trouble } from './trouble.ts';

/** Up to this number, tiles show all details. More instances are shown as a list. */
const mostOpen = 60;
/** Up to this number, all tiles are open, whatever their health. */
const fewOpen = 12;
/** The maximum number of tiles on a page. A filter finds the others. */
const mostTiles = 1500;
/** A cause of more instances than these is shown once, and their tiles stay in the list. */
const fewOfCause = 3;
/** Names of a cause that are shown at once. */
const fewNames = 6;

/** What the tiles show. The forwarder is undefined if it has never run. */
export interface Shown {
  readonly instances: readonly InstanceHealth[];
  readonly forwarder?: InstanceHealth | undefined;
}

/** Renders the tiles as HTML without a script, for a widget or a page. All text is escaped. */
export function renderTiles(
  { instances, forwarder }: Shown,
  choice: Selection,
  now: number,
  frame: Frame,
): string {
  const chosen = select(instances, choice);
  const shown = chosen.slice(0, mostTiles);
  // The tile of a single instance says its cause.
  const groups = groupProblems(chosen).filter(({ instances }) => instances.length > 1);
  const shared = new Set(
    groups.filter((one) => one.instances.length > fewOfCause).flatMap((one) => one.instances),
  );
  const isOpen = (tile: InstanceHealth) => isProblem(tile) && !shared.has(tile.instance);
  const open = new Set(shown.length <= fewOpen ? shown : shown.filter(isOpen).slice(0, mostOpen));
  const listed = shown.filter((tile) => !open.has(tile));
  const left = chosen.length - shown.length;
  const own = forwarder === undefined ? [] : select([forwarder], choice);
  const [first, last] = own.some(isProblem) ? [own, []] : [[], own];
  return html`<style>${new Html(style)}</style>
<div class="cwdb-no-default-styles s1 s1-${frame.theme}">
${summary(instances, choice, now, frame.controls)}
${frame.controls.form(fields(choice))}
<div class="s1-body">
${instances.length === 0 && html`<p class="s1-note">There is no instance yet.</p>`}
${instances.length > 0 && chosen.length === 0 && html`<p class="s1-note">No matches.</p>`}
${groups.length > 0 && html`<div class="s1-causes">${groups.map((group) => cause(group, frame))}</div>`}
<div class="s1-open">${[...first, ...open, ...last].map((tile) => openTile(tile, now, frame))}</div>
<div class="s1-list">${listed.map((tile) => listedTile(tile, now, frame.controls))}</div>
${left > 0 && html`<p class="s1-note">${left} more: refine the filter.</p>`}
</div>
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
  { link, open }: Controls,
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
  return html`<div class="s1-summary"><strong>${open(html`${all}`, '')}</strong> ${chips} <span class="s1-when">at ${clock(now)} UTC</span></div>`;
}

function fields({ find, show, sort }: Selection): Html {
  const options = (all: readonly string[], picked: string) =>
    all.map((one) => html`<option value="${one}" ${one === picked && 'selected'}>${one}</option>`);
  return html`<label>Find <input name="find" value="${find}" size="22" maxlength="200" placeholder="name, host, state, error"></label>
<label>Show <select name="show">${options(shows, show)}</select></label>
<label>Sort by <select name="sort">${options(sorts, sort)}</select></label>`;
}

/** A cause and how many instances have it. */
function cause(group: ProblemGroup, frame: Frame): Html {
  const { light, word, instances } = group;
  const [few, more] = [instances.slice(0, fewNames), instances.slice(fewNames)];
  const names = (list: readonly string[]) =>
    list.map((name) => html`${frame.controls.open(html`<bdi>${name}</bdi>`, name)} `);
  return html`<div class="s1-cause s1-${light}"><b class="s1-count">${instances.length}</b><div><span class="s1-badge">${word}</span> ${trouble(group, frame)}
<div class="s1-names">${names(few)}${more.length > 0 && html`<details><summary>${more.length} more</summary>${names(more)}</details>`}</div></div></div>`;
}

function listedTile({ instance, host, light, worst }: InstanceHealth, now: number, { open }: Controls): Html {
  const { word, lastPollAt } = worst;
  const lag = behind(worst);
  const polled = lastPollAt === undefined ? '' : `last poll ${age(Date.parse(lastPollAt), now)}`;
  const details = [word, polled, lag && `${lag} behind`].filter((text) => text !== '').join(', ');
  return html`<span class="s1-small s1-${light}" title="${host}: ${details}"><i class="s1-dot"></i>${open(html`<bdi>${instance}</bdi>`, instance)} <em>${word}</em></span>`;
}
