import { type ForwarderEnvironment, readForwarderEnvironment } from './forwarder-environment.ts';

const environment = readForwarderEnvironment(process.env as Partial<ForwarderEnvironment>);

export const handler = async () => environment.settings;
