import { Injectable } from '@nestjs/common';
import { Database } from '../database/database.js';
import { Metrics } from './metrics.js';

/** Says how busy the pool of database connections is: requests that wait for one are the first sign of trouble. */
@Injectable()
export class DatabaseMetrics {
  constructor(metrics: Metrics, database: Database) {
    const read = (part: 'open' | 'idle' | 'waiting') => () => database.connections[part];
    metrics.gauge('database_connections_open', 'Connections of the pool.', read('open'));
    metrics.gauge('database_connections_idle', 'Connections of the pool that nobody uses.', read('idle'));
    metrics.gauge('database_requests_waiting', 'Work that waits for a connection.', read('waiting'));
  }
}
