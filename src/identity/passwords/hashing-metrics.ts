import { Injectable } from '@nestjs/common';
import { Metrics } from '../../platform/metrics/metrics.js';
import { PasswordHasher } from './password-hasher.js';

/** Says how many sign-ins wait for their password to be hashed; beyond the queue's limit they are refused (503). */
@Injectable()
export class HashingMetrics {
  constructor(metrics: Metrics, hasher: PasswordHasher) {
    metrics.gauge('password_hashes_waiting', 'Passwords that wait to be hashed.', () => hasher.queued);
  }
}
