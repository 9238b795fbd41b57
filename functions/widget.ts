import type { Context } from 'aws-lambda';
import { cursorsTable } from './adapters/dynamodb/cursors.ts';
import { instancesTable } from './adapters/dynamodb/instances.ts';
import { readWidgetEnvironment } from './environment.ts';
import { forwarderHealth, instanceHealth } from './health/instance-health.ts';
import { forwarderKey } from './health/status.ts';
import { deployedStreams, streams } from './streams/list.ts';
import { readChoice } from './tiles/choice.ts';
import type { Controls } from './tiles/frame.ts';
import { html } from './tiles/html.ts';
import { renderTiles } from './tiles/render.ts';

const environment = readWidgetEnvironment(process.env);
const instances = instancesTable(environment.instancesTable);
const cursors = cursorsTable(environment.cursorsTable);

/** The event from a dashboard: the widget's parameters, and where it is shown. */
interface WidgetEvent {
  readonly describe?: boolean;
  /** The count that was selected in the summary; overrides the form. */
  readonly pick?: string;
  /** The instance that was selected, or empty for all of them; overrides the form. */
  readonly only?: string;
  readonly widgetContext?: {
    readonly theme?: string;
    readonly forms?: { readonly all?: Readonly<Record<string, unknown>> };
  };
  readonly [parameter: string]: unknown;
}

const description = `## SentinelOne instances
The problems of all instances by cause, then a tile for each instance and for the forwarder: status, last poll, last record,
error, remedy with the command to copy, expiry of the token. It reads two tables and changes nothing.

### Parameters
Name | Means
---|---
**find** | only instances with this in their name, host, state or error
**show** | \`all\`, \`problems\`, \`red\`, \`yellow\`, \`green\` or \`grey\`
**sort** | \`problems\`, \`name\`, \`lag\`, \`poll\` or \`expiry\`

### Example
\`\`\` yaml
show: problems
sort: lag
\`\`\`
`;

/** On a click, CloudWatch replaces the preceding element by calling this function again. */
function controls(endpoint: string): Controls {
  const call = (parameters: object) =>
    html`<cwdb-action action="call" display="widget" endpoint="${endpoint}">${JSON.stringify(parameters)}</cwdb-action>`;
  return {
    form: (fields) => html`<form>${fields}<a class="btn">Show</a>${call({})}</form>`,
    link: (label, show) => html`<a>${label}</a>${call({ pick: show })}`,
    open: (label, instance) => html`<a>${label}</a>${call({ only: instance })}`,
  };
}

const deployed = deployedStreams(streams, environment.optionalStreams ?? []);

/** Renders the tiles of all instances for a CloudWatch dashboard. */
export async function handler(event: WidgetEvent, context: Pick<Context, 'invokedFunctionArn'>) {
  if (event.describe) return description;
  const { theme, forms } = event.widgetContext ?? {};
  const picked = {
    ...(event.pick !== undefined && { show: event.pick }),
    ...(event.only !== undefined && { find: event.only, show: 'all' }),
  };
  const choice = readChoice({ ...event, ...forms?.all, ...picked });
  const records = await instances.list();
  const names = records.map(({ instance }) => String(instance));
  const read = deployed.map(async ({ name }) => [name, await cursors.read(name, names)] as const);
  const [ofForwarder, ...ofStreams] = await Promise.all([
    cursors.read(forwarderKey.stream, [forwarderKey.instance]),
    ...read,
  ]);
  const known = new Map(ofStreams);
  const forwarder = ofForwarder.get(forwarderKey.instance);
  const now = Date.now();
  const tiles = records.map((record) =>
    instanceHealth(
      record,
      (stream) => known.get(stream)?.get(String(record.instance)),
      streams,
      environment,
      now,
    ),
  );
  const shown = { instances: tiles, forwarder: forwarder && forwarderHealth(forwarder.status, now) };
  return renderTiles(shown, choice, now, {
    theme: theme === 'dark' ? 'dark' : 'light',
    controls: controls(context.invokedFunctionArn),
  });
}
