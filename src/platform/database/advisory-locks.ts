/**
 * Numbers of PostgreSQL's advisory locks, which are one space per database: all of them stand here, so that no two kinds of
 * work wait for each other by accident. Locks of single values (tokens, addresses, teams) are hashes of 64 bits.
 */
export const ADVISORY_LOCK = {
  migration: 7_203_911_540,
  auditSealing: 7_203_911_541,
  auditForwarding: 7_203_911_542,
  auditRetention: 7_203_911_543,
} as const;
