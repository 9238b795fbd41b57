import { SettingsError } from './context.ts';
import { synthesise } from './synth.ts';

try {
  synthesise();
} catch (error) {
  if (!(error instanceof SettingsError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
