import { ConfigError, loadConfig } from './platform/config/config.js';
import { startProcess } from './start-process.js';

/** Exit code for a start that failed for a reason the operator can mend. */
const FAILED = 1;

try {
  await startProcess(loadConfig());
} catch (error) {
  // A person reads this at a terminal: the reason first, a stack only when nobody foresaw it.
  const foreseen =
    error instanceof ConfigError ||
    (error instanceof Error && 'foreseen' in error) ||
    isNamed(error, 'EmbeddedPostgresError');
  console.error(foreseen ? (error as Error).message : error);
  process.exitCode = FAILED;
  setTimeout(() => process.exit(FAILED), 2000).unref();
}

function isNamed(error: unknown, name: string): boolean {
  return error instanceof Error && error.name === name;
}
