import { readFileSync } from 'node:fs';
import type { Clock } from '../../../platform/clock/clock.js';
import type { Config } from '../../../platform/config/config.js';
import type { OutboundHttp } from '../../../platform/net/outbound-http.js';
import { type OutboundGuard, OutboundRefusedError } from '../../../platform/net/outbound-url.js';
import type { Receiver } from './receiver.js';
import { SyslogReceiver } from './syslog-receiver.js';
import { WebhookReceiver } from './webhook-receiver.js';

/** A setting that can be mended, so that the start shows its message alone. */
class ForwardingSettingsError extends Error {
  readonly foreseen = true;

  constructor(message: string) {
    super(`Latchkey cannot start: ${message}`);
    this.name = 'ForwardingSettingsError';
  }
}

interface Parts {
  readonly config: Config;
  readonly guard: OutboundGuard;
  readonly http: OutboundHttp;
  readonly clock: Clock;
}

/**
 * The receiver that the settings name.
 * @throws ForwardingSettingsError when its URL can never be allowed, or the file of authorities cannot be read
 */
export function makeReceiver(url: string, { config, guard, http, clock }: Parts): Receiver {
  const ca = readAuthorities(config.auditForwardCaFile);
  try {
    if (url.startsWith('syslog+')) return new SyslogReceiver(url, ca, guard);
    const policy = guard.forOperator;
    guard.read(url, policy);
    return new WebhookReceiver({ url, secrets: config.auditForwardSecrets, policy, ca }, http, clock);
  } catch (error) {
    if (!(error instanceof OutboundRefusedError)) throw error;
    throw new ForwardingSettingsError(
      `AUDIT_FORWARD_URL ${error.reason}; AUDIT_FORWARD_ALLOWED_RANGES opens a network`,
    );
  }
}

function readAuthorities(file: string | null): string | null {
  if (file === null) return null;
  try {
    return readFileSync(file, 'utf8');
  } catch {
    throw new ForwardingSettingsError('the file of AUDIT_FORWARD_CA_FILE cannot be read');
  }
}
