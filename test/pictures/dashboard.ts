import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readChoice } from '../../functions/tiles/choice.ts';
import { Html, html } from '../../functions/tiles/html.ts';
import { renderTiles } from '../../functions/tiles/render.ts';
import { synthesise } from '../../infra/synth.ts';
import { resources } from '../../local/aws/template.ts';
import { healthOfKnown, now, three } from '../fixtures/fleet.ts';

interface Widget {
  readonly type: 'alarm' | 'custom' | 'log' | 'metric' | 'text';
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly properties: {
    readonly title?: string;
    readonly markdown?: string;
    readonly alarms?: readonly string[];
    readonly metrics?: readonly unknown[];
  };
}

type Join = { readonly 'Fn::Join': readonly [string, readonly (string | object)[]] };

/** The widgets of the dashboard that the stack deploys. */
function widgets(): Widget[] {
  const folder = mkdtempSync(join(tmpdir(), 'dashboard-'));
  const { template } = synthesise({ analyticsUrl: 'https://analytics.example.com' }, folder);
  rmSync(folder, { recursive: true });
  const [dashboard] = resources<{ DashboardBody: Join }>(template, 'AWS::CloudWatch::Dashboard');
  const [, parts] = dashboard?.DashboardBody['Fn::Join'] ?? ['', []];
  // A reference to an alarm becomes its name.
  const nameOf = (part: object) => {
    const id = String(Object.values(part)[0]).split(',')[0] ?? '';
    return String(template.Resources[id]?.Properties?.AlarmName ?? id);
  };
  return JSON.parse(parts.map((part) => (typeof part === 'string' ? part : nameOf(part))).join('')).widgets;
}

/** Made-up figures, the same at each run. */
function lines(count: number, seed: number): Html {
  const points = (line: number) =>
    Array.from({ length: 40 }, (_, i) => {
      const slow = Math.sin((i + 9 * line + seed) / (4 + line));
      const height = 30 + 18 * slow + 8 * Math.sin(i * (1.7 + line) + seed);
      return `${(i * 400) / 39},${height.toFixed(1)}`;
    }).join(' ');
  const colors = ['#1f77b4', '#ff7f0e', '#2ca02c'];
  return html`<svg viewBox="0 0 400 64" preserveAspectRatio="none">${colors
    .slice(0, count)
    .map(
      (color, line) =>
        html`<polyline points="${points(line)}" fill="none" stroke="${color}" stroke-width="1.5" vector-effect="non-scaling-stroke"/>`,
    )}</svg>`;
}

const controls = {
  form: (fields: Html) => html`<form>${fields}<a class="btn">Show</a></form>`,
  link: (label: Html) => html`<a>${label}</a>`,
  open: (label: Html) => html`<a>${label}</a>`,
};

function content({
  type,
  properties: { title = '', markdown = '', alarms = [], metrics = [] },
}: Widget): Html {
  if (type === 'custom') {
    const instances = three.map(healthOfKnown);
    return new Html(renderTiles({ instances }, readChoice({}), now, { theme: 'light', controls }));
  }
  if (type === 'text') return html`<p>${markdown}</p>`;
  if (type === 'alarm') return html`<p>${alarms.map((arn) => html`<span class="ok">${arn}</span>`)}</p>`;
  return lines(Math.min(3, Math.max(1, metrics.length)), title.length);
}

const row = 34;

/** The dashboard as a page, with made-up figures: CloudWatch itself draws it only in AWS. */
export function dashboardPage(): string {
  const all = widgets().map((widget) => {
    const place = `left:calc(100% * ${widget.x} / 24);top:${widget.y * row}px;width:calc(100% * ${widget.width} / 24);height:${widget.height * row}px`;
    return html`<section style="${place}"><div><h2>${widget.properties.title ?? ''}</h2>${content(widget)}</div></section>`;
  });
  const style = `body { background: #f2f3f3; font: 13px/1.4 "Amazon Ember", Roboto, Arial, sans-serif; margin: 6px; position: relative; }
    section { box-sizing: border-box; overflow: hidden; padding: 3px; position: absolute; }
    section > div { background: #fff; border: 1px solid #d5dbdb; border-radius: 6px; box-sizing: border-box; height: 100%; overflow: hidden; padding: 6px 10px; }
    h2 { font-size: 14px; margin: 0 0 4px; } p { margin: 4px 0; } svg { height: calc(100% - 28px); width: 100%; }
    .ok { background: #1d8102; border-radius: 3px; color: #fff; display: inline-block; font-size: 11px; margin: 0 4px 4px 0; padding: 1px 6px; }`;
  return html`<!doctype html><html lang="en"><meta charset="utf-8"><style>${new Html(style)}</style><body>${all}</body></html>`
    .text;
}
