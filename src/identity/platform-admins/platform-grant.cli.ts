import { loadConfig } from '../../platform/config/config.js';
import { withOwner } from '../../platform/database/owner-connection.js';
import { setPlatformAdmin } from './platform-grant.js';

const USAGE = 'Usage: npm run platform:grant -- EMAIL [--revoke]';

const [email, flag] = process.argv.slice(2);
if (email === undefined || (flag !== undefined && flag !== '--revoke')) {
  console.error(USAGE);
  process.exitCode = 2;
} else {
  await run(email, flag === '--revoke' ? 'revoke' : 'grant');
}

async function run(address: string, action: 'grant' | 'revoke'): Promise<void> {
  const outcome = await withOwner(loadConfig(), (url) => setPlatformAdmin(url, address, action));
  if (outcome === 'unknown') {
    console.error(`There is no account with the e-mail address ${address}; register it first.`);
    process.exitCode = 1;
  } else {
    console.log(
      outcome === 'granted'
        ? `${address} is a platform admin now. Platform routes open once two-factor sign-in is on.`
        : `${address}: ${outcome}.`,
    );
  }
}
