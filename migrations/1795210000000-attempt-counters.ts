import type { MigrationInterface, QueryRunner } from 'typeorm';
import { ownByLookup } from './support/lookup-function.js';

/**
 * Counters of failed sign-in and code attempts. They belong to no team (an unknown e-mail address has none), so the
 * application reaches them through these functions and has no right on the table itself.
 */
export class AttemptCounters1795210000000 implements MigrationInterface {
  name = 'AttemptCounters1795210000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE attempt_counters (
        bucket text NOT NULL,
        subject bytea NOT NULL,
        failed_at timestamptz[] NOT NULL DEFAULT '{}',
        pending uuid[] NOT NULL DEFAULT '{}',
        pending_until timestamptz NOT NULL DEFAULT '-infinity',
        ends_at timestamptz NOT NULL,
        PRIMARY KEY (bucket, subject)
      );
      CREATE INDEX attempt_counters_by_end ON attempt_counters (ends_at);
      GRANT SELECT, INSERT, UPDATE, DELETE ON attempt_counters TO latchkey_lookup;
      COMMENT ON TABLE attempt_counters IS 'Subjects are keyed hashes. failed_at: what still counts; pending: tries under way.';
    `);
    await this.createRules(runner);
    await this.createClaim(runner);
    await this.createSettle(runner);
    await runner.query(`
      CREATE FUNCTION latchkey.purge_attempts() RETURNS void
      LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        DELETE FROM public.attempt_counters WHERE ends_at < now() - interval '1 minute'
      $$;
    `);
    await ownByLookup(runner, 'latchkey.counting_failures(timestamptz[], timestamptz, interval, boolean)');
    await ownByLookup(
      runner,
      'latchkey.claim_attempt(uuid, text[], bytea[], integer[], integer[], boolean[])',
    );
    await ownByLookup(
      runner,
      'latchkey.settle_attempt(uuid, text[], bytea[], integer[], integer[], boolean[], text[])',
    );
    await ownByLookup(runner, 'latchkey.purge_attempts()');
  }

  /** Which failures still count: in a sliding window each one for the span, otherwise all until the span after the last. */
  private async createRules(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION latchkey.counting_failures(failed timestamptz[], moment timestamptz, span interval, sliding boolean)
      RETURNS timestamptz[] LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
        SELECT coalesce(array_agg(f ORDER BY f), '{}') FROM unnest(failed) f
        WHERE CASE WHEN sliding THEN f ELSE (SELECT max(l) FROM unnest(failed) l) END > moment - span
      $$;
    `);
  }

  /**
   * Takes one try of every bucket, or of none. A try that is under way counts like a failure until it is settled, so
   * parallel guesses cannot be more than the limit; one that nobody settled within a minute is a failure.
   */
  private async createClaim(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION latchkey.claim_attempt(claim uuid, buckets text[], subjects bytea[], limits integer[], seconds integer[], slides boolean[])
      RETURNS TABLE (place integer, outcome text, retry_at timestamptz, wait_seconds integer)
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      #variable_conflict use_column
      DECLARE
        counter public.attempt_counters;
        moment timestamptz;
        span interval;
        free boolean := true;
        outcomes text[] := '{}';
        ends timestamptz[] := '{}';
      BEGIN
        FOR i IN 1..cardinality(buckets) LOOP
          span := make_interval(secs => seconds[i]);
          INSERT INTO public.attempt_counters AS c (bucket, subject, ends_at) VALUES (buckets[i], subjects[i], clock_timestamp() + span)
          ON CONFLICT (bucket, subject) DO UPDATE SET ends_at = c.ends_at RETURNING c.* INTO counter;
          moment := clock_timestamp();
          IF counter.pending_until <= moment AND cardinality(counter.pending) > 0 THEN
            counter.failed_at := counter.failed_at || array_fill(counter.pending_until, ARRAY[cardinality(counter.pending)]);
            counter.pending := '{}';
          END IF;
          counter.failed_at := latchkey.counting_failures(counter.failed_at, moment, span, slides[i]);
          UPDATE public.attempt_counters SET failed_at = counter.failed_at, pending = counter.pending,
            ends_at = greatest(moment, counter.pending_until, counter.failed_at[cardinality(counter.failed_at)]) + span
          WHERE bucket = counter.bucket AND subject = counter.subject;
          IF cardinality(counter.failed_at) >= limits[i] THEN
            outcomes := outcomes || 'refused'::text;
            ends := ends || counter.failed_at[cardinality(counter.failed_at) - CASE WHEN slides[i] THEN limits[i] - 1 ELSE 0 END] + span;
          ELSIF cardinality(counter.failed_at) + cardinality(counter.pending) >= limits[i] THEN
            outcomes := outcomes || 'busy'::text;
            ends := ends || NULL::timestamptz;
          ELSE
            outcomes := outcomes || 'free'::text;
            ends := ends || NULL::timestamptz;
          END IF;
          free := free AND outcomes[i] = 'free';
        END LOOP;
        IF free THEN
          UPDATE public.attempt_counters c SET pending = array_append(c.pending, claim), pending_until = clock_timestamp() + interval '1 minute',
            ends_at = greatest(c.ends_at, clock_timestamp() + interval '1 minute' + make_interval(secs => w.seconds))
          FROM unnest(buckets, subjects, seconds) AS w (bucket, subject, seconds)
          WHERE c.bucket = w.bucket AND c.subject = w.subject;
        END IF;
        RETURN QUERY SELECT o.n::integer, o.outcome, o.at, ceil(extract(epoch FROM o.at - clock_timestamp()))::integer
          FROM unnest(outcomes, ends) WITH ORDINALITY AS o (outcome, at, n) ORDER BY o.n;
      END $$;
    `);
  }

  /** Ends a try: 'failed' counts it, 'released' gives it back, 'reset' clears the bucket. Tells which buckets are used up now. */
  private async createSettle(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE FUNCTION latchkey.settle_attempt(claim uuid, buckets text[], subjects bytea[], limits integer[], seconds integer[], slides boolean[], results text[])
      RETURNS TABLE (place integer, used_up boolean)
      LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
      #variable_conflict use_column
      DECLARE
        counter public.attempt_counters;
        span interval;
        moment timestamptz;
      BEGIN
        FOR i IN 1..cardinality(buckets) LOOP
          SELECT c.* INTO counter FROM public.attempt_counters c WHERE c.bucket = buckets[i] AND c.subject = subjects[i] FOR UPDATE;
          CONTINUE WHEN NOT FOUND;
          moment := clock_timestamp();
          span := make_interval(secs => seconds[i]);
          place := i;
          used_up := false;
          counter.failed_at := CASE results[i]
            WHEN 'reset' THEN '{}'
            WHEN 'failed' THEN latchkey.counting_failures(counter.failed_at, moment, span, slides[i]) || moment
            ELSE counter.failed_at END;
          used_up := results[i] = 'failed' AND cardinality(counter.failed_at) = limits[i];
          UPDATE public.attempt_counters SET failed_at = counter.failed_at, pending = array_remove(counter.pending, claim),
            ends_at = greatest(moment, counter.pending_until, counter.failed_at[cardinality(counter.failed_at)]) + span
          WHERE bucket = counter.bucket AND subject = counter.subject;
          RETURN NEXT;
        END LOOP;
      END $$;
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP FUNCTION latchkey.purge_attempts(),
        latchkey.settle_attempt(uuid, text[], bytea[], integer[], integer[], boolean[], text[]),
        latchkey.claim_attempt(uuid, text[], bytea[], integer[], integer[], boolean[]),
        latchkey.counting_failures(timestamptz[], timestamptz, interval, boolean);
      DROP TABLE attempt_counters;
    `);
  }
}
