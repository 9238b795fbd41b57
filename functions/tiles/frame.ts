import type { Selection } from '../health/instance-health.ts';
import type { Html } from './html.ts';

/** The context in which the tiles are shown. */
export interface Frame {
  readonly theme: 'light' | 'dark' | 'auto';
  readonly controls: Controls;
  /** The address of docs/operations.md, where it has one. */
  readonly runbook?: string;
  /** The address of an instance's artifacts, where they can be searched. */
  readonly artifacts?: (instance: string) => string;
}

/** How the user filters the tiles without a script. */
export interface Controls {
  /** Wraps the fields, which are named as in `Choice`. */
  readonly form: (fields: Html) => Html;
  /** Makes a link that shows these tiles. */
  readonly link: (label: Html, show: Selection['show']) => Html;
  /** Makes a link that shows the tile of one instance, or of all where it is empty. */
  readonly open: (label: Html, instance: string) => Html;
}
