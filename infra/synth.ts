import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import cdkJson from '../cdk.json' with { type: 'json' };
import { streams as allStreams } from '../functions/streams/list.ts';
import { bundle } from './build/bundle.ts';
import { readCertificates } from './build/certificates.ts';
import { Limits } from './build/limits.ts';
import type { Stream } from './functions/poller.ts';
import { readSettings } from './settings.ts';
import { CollectorStack } from './stack.ts';

interface CollectorAppProps {
  /** Goes before `cdk.json`; what the CDK's command line says goes before both. */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  /** Where the assembly is written; a temporary folder if absent. */
  readonly outdir?: string | undefined;
  readonly streams?: readonly Stream[];
  /** The folder with the functions' `poller.mjs` and `forwarder.mjs`; bundled from the sources if absent. */
  readonly code?: string;
}

/** The collector as a CDK app; what cdk-nag finds and nobody has accepted fails its synthesis. */
export class CollectorApp extends App {
  readonly stack: CollectorStack;
  readonly code: string;

  /** @throws SettingsError when a setting is unknown or not allowed */
  constructor({ context, outdir, streams = allStreams, code }: CollectorAppProps = {}) {
    super({ context: { ...cdkJson.context, ...context }, ...(outdir && { outdir }) });
    const names = streams.map(({ name }) => name);
    const settings = readSettings(this.node.getAllContext(), names);
    const { caFile } = settings;
    const certificates = caFile === undefined ? undefined : readCertificates(caFile);
    this.code = code ?? bundle({ certificates });
    this.stack = new CollectorStack(this, { settings, streams, code: this.code });
    Validations.of(this).addPlugins(new AwsSolutionsChecks(), new Limits());
  }
}

/** A CloudFormation template, as far as its shape is known. */
interface Template {
  readonly Resources: Readonly<
    Record<string, { readonly Type: string; readonly Properties: Readonly<Record<string, unknown>> }>
  >;
  readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>>;
}

/**
 * Synthesises in this process what `cdk synth` would: the template, and the folder with the functions' code.
 * @param context settings, which go before those in `cdk.json`
 * @param outdir where the assembly is written; a temporary folder if absent
 * @throws SettingsError when a setting is unknown or not allowed
 */
export function synthesise(
  context?: Readonly<Record<string, unknown>>,
  outdir?: string,
): { readonly template: Template; readonly code: string } {
  const app = new CollectorApp({ context, outdir });
  return { template: app.synth().getStackByName(app.stack.stackName).template, code: app.code };
}
