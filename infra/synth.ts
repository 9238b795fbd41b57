import { join } from 'node:path';
import { App, Validations } from 'aws-cdk-lib';
import featureFlags from 'aws-cdk-lib/recommended-feature-flags.json' with { type: 'json' };
import { AwsSolutionsChecks } from 'cdk-nag';
import cdkJson from '../cdk.json' with { type: 'json' };
import { streams as allStreams, deployedStreams, withCadences } from '../functions/streams/list.ts';
import type { Stream } from '../functions/streams/stream.ts';
import { bundle } from './build/bundle.ts';
import { readCertificates } from './build/certificates.ts';
import { readSettings } from './context.ts';
import { CollectorStack } from './stack.ts';

interface CollectorAppProps {
  /** Overrides `cdk.json`; the CDK's command line overrides both. */
  readonly context?: Readonly<Record<string, unknown>> | undefined;
  /** Where the assembly is written; a temporary folder if absent. */
  readonly outdir?: string | undefined;
  readonly streams?: readonly Stream[];
  /** A folder with the bundled functions; bundled from the sources if absent. */
  readonly code?: string;
}

/** The collector as a CDK app. Synthesis fails if cdk-nag finds anything that is not acknowledged. */
export class CollectorApp extends App {
  readonly stack: CollectorStack;
  readonly code: string;

  /** @throws SettingsError if a setting is unknown or invalid */
  constructor({ context, outdir, streams = allStreams, code }: CollectorAppProps = {}) {
    // The flags that the CDK recommends. test/infra/kept.json shows whether a new flag would replace a resource with
    // data.
    super({ context: { ...featureFlags, ...cdkJson.context, ...context }, ...(outdir && { outdir }) });
    const settings = readSettings(this.node.getAllContext(), streams);
    const { caFile } = settings;
    const certificates = caFile === undefined ? undefined : readCertificates(caFile);
    this.code = code ?? join(this.outdir, 'functions');
    if (code === undefined) bundle(this.code, { certificates });
    const deployed = withCadences(
      deployedStreams(streams, settings.optionalStreams),
      settings.cadenceMinutes,
    );
    this.stack = new CollectorStack(this, { settings, streams: deployed, code: this.code });
    Validations.of(this).addPlugins(new AwsSolutionsChecks());
  }
}

/** The part of a CloudFormation template that is used here. */
interface Template {
  readonly Resources: Readonly<
    Record<string, { readonly Type: string; readonly Properties: Readonly<Record<string, unknown>> }>
  >;
  readonly Outputs: Readonly<Record<string, { readonly Value: unknown }>>;
}

/**
 * Does what `cdk synth` does, in this process. Returns the template and the folder with the functions' code.
 * @param context settings, which override `cdk.json`
 * @param outdir where the assembly is written; a temporary folder if absent
 * @throws SettingsError if a setting is unknown or invalid
 */
export function synthesise(
  context?: Readonly<Record<string, unknown>>,
  outdir?: string,
): { readonly template: Template; readonly code: string } {
  const app = new CollectorApp({ context, outdir });
  return { template: app.synth().getStackByName(app.stack.stackName).template, code: app.code };
}
