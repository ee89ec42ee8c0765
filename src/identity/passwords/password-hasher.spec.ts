import { readdirSync, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { constants, getPriority } from 'node:os';
import { hash as argon2Hash } from '@node-rs/argon2';
import { inAQuietMoment } from '../../../test/harness/quiet-moment.js';
import { defaultConcurrency, HashingBusyError, PasswordHasher } from './password-hasher.js';

const PASSWORD = 'correct horse battery staple';

const hasher = new PasswordHasher({ concurrency: 2 });

/** How many threads of this process have the lowest priority: field 19 of proc(5)'s stat, after the name in brackets. */
function lowThreads(): number {
  const nice = readdirSync('/proc/self/task').map((id) =>
    Number(readFileSync(`/proc/self/task/${id}/stat`, 'utf8').split(') ')[1].split(' ')[16]),
  );
  return nice.filter((value) => value === constants.priority.PRIORITY_LOW).length;
}

async function millisecondsOf(work: () => Promise<unknown>): Promise<number> {
  const started = process.hrtime.bigint();
  await work();
  return Number(process.hrtime.bigint() - started) / 1e6;
}

describe('password hasher', () => {
  it('stores argon2id, version 19, 19 MiB, two passes, one lane, a salt of its own', async () => {
    const [one, two] = await Promise.all([hasher.hash(PASSWORD), hasher.hash(PASSWORD)]);
    const shape = /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/;
    expect(one).toMatch(shape);
    expect(two).toMatch(shape);
    expect(one).not.toBe(two);
    expect(one).not.toContain('correct');
  });

  it('verifies the password and no other', async () => {
    const stored = await hasher.hash(PASSWORD);
    expect(await hasher.verify(stored, PASSWORD)).toBe(true);
    for (const other of [
      '',
      ' ',
      `${PASSWORD} `,
      PASSWORD.toUpperCase(),
      PASSWORD.slice(0, -1),
      `${PASSWORD}\0`,
    ]) {
      expect(await hasher.verify(stored, other)).toBe(false);
    }
  });

  it('uses every byte: no truncation at 72 characters or at a NUL, no change of spelling', async () => {
    const long = `${'x'.repeat(127)}a`;
    expect(await hasher.verify(await hasher.hash(long), `${'x'.repeat(127)}b`)).toBe(false);
    expect(await hasher.verify(await hasher.hash('before\0after'), 'before\0other')).toBe(false);
    expect(await hasher.verify(await hasher.hash('ﬁve pass words here'), 'five pass words here')).toBe(false);
    expect(await hasher.verify(await hasher.hash('пароль🔑🔑🔑'), 'пароль🔑🔑🔑')).toBe(true);
  });

  it('a damaged stored hash is an error, not a wrong password', async () => {
    await expect(hasher.verify('', PASSWORD)).rejects.toThrow();
    await expect(hasher.verify('$argon2id$v=19$m=19456', PASSWORD)).rejects.toThrow();
    await expect(hasher.verify(PASSWORD, PASSWORD)).rejects.toThrow();
    expect(await hasher.verifyDummy(PASSWORD)).toBe(false);
  });

  it('an unknown account costs what a known one costs, and never succeeds', async () => {
    const alone = new PasswordHasher({ concurrency: 1 });
    const stored = await alone.hash(PASSWORD);
    // The promise is 5 ms over 1,000 tries (bench); here a factor guards against a dummy that costs nothing.
    await inAQuietMoment(async () => {
      const known: number[] = [];
      const unknown: number[] = [];
      for (let round = 0; round < 15; round += 1) {
        known.push(await millisecondsOf(() => alone.verify(stored, 'a wrong password')));
        unknown.push(
          await millisecondsOf(async () => expect(await alone.verifyDummy('a wrong password')).toBe(false)),
        );
      }
      expect(Math.min(...unknown)).toBeGreaterThan(Math.min(...known) * 0.6);
      expect(Math.min(...unknown)).toBeLessThan(Math.min(...known) * 1.6);
    });
  });

  it('asks for a new hash when any parameter differs, or the text is no hash', async () => {
    expect(hasher.needsRehash(await hasher.hash(PASSWORD))).toBe(false);
    const base = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };
    for (const older of [
      { ...base, memoryCost: 19_455 },
      { ...base, timeCost: 1 },
      { ...base, parallelism: 2 },
      { ...base, outputLen: 16 },
      { ...base, algorithm: 1 },
      { ...base, salt: Buffer.alloc(8) },
      { ...base, version: 0 },
    ]) {
      expect(hasher.needsRehash(await argon2Hash(PASSWORD, older))).toBe(true);
    }
    expect(hasher.needsRehash('')).toBe(true);
    expect(hasher.needsRehash('$2b$10$abcdefghijklmnopqrstuv')).toBe(true);
  });

  it('serves first come, first served, and never more than its share at once', async () => {
    const queue = new PasswordHasher({ concurrency: 1 });
    const order: number[] = [];
    await Promise.all([0, 1, 2, 3, 4].map((n) => queue.hash(PASSWORD).then(() => order.push(n))));
    expect(order).toEqual([0, 1, 2, 3, 4]);
  });

  it('a turn that was handed on still counts, so newcomers wait', async () => {
    const queue = new PasswordHasher({ concurrency: 1 });
    const [first, second] = [queue.hash(PASSWORD), queue.hash(PASSWORD)];
    await first;
    const third = queue.hash(PASSWORD);
    expect(queue.queued).toBe(1);
    await Promise.all([second, third]);
    const fourth = queue.hash(PASSWORD);
    expect(queue.queued).toBe(0);
    await fourth;
  });

  it('turns away what its queue cannot hold, at once, and recovers', async () => {
    const small = new PasswordHasher({ concurrency: 1, queueLimit: 2 });
    const settled = Promise.allSettled(Array.from({ length: 5 }, () => small.hash(PASSWORD)));
    expect(small.queued).toBe(2);
    await expect(small.verifyDummy(PASSWORD)).rejects.toBeInstanceOf(HashingBusyError);
    const results = await settled;
    expect(results.map((result) => result.status)).toEqual([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    expect(small.queued).toBe(0);
    expect(await small.hash(PASSWORD)).toMatch(/^\$argon2id/);
    expect(new HashingBusyError().retryAfterSeconds).toBe(1);
  });

  it('a failed hash gives its turn back', async () => {
    const one = new PasswordHasher({ concurrency: 1, queueLimit: 1 });
    for (let i = 0; i < 5; i += 1) await expect(one.verify('damaged', PASSWORD)).rejects.toThrow(/./);
    const both = await Promise.allSettled([one.verify('damaged', PASSWORD), one.hash(PASSWORD)]);
    expect(both.map((result) => result.status)).toEqual(['rejected', 'fulfilled']);
  });

  it('holds at most 200 in line unless told otherwise', async () => {
    const busy = new PasswordHasher({ concurrency: 1 });
    const tries = Array.from({ length: 202 }, () => busy.verify('damaged', PASSWORD));
    expect(busy.queued).toBe(200);
    const results = await Promise.allSettled(tries);
    const busyErrors = results.filter((r) => r.status === 'rejected' && r.reason instanceof HashingBusyError);
    expect(busyErrors).toHaveLength(1);
  });

  it('leaves the event loop and a thread of the pool to others', () =>
    inAQuietMoment(async () => {
      const flood = new PasswordHasher();
      let done = false;
      const work = Promise.all(Array.from({ length: 12 }, () => flood.hash(PASSWORD))).then(
        () => (done = true),
      );
      const took = await millisecondsOf(() => stat('/'));
      const wasDone = done;
      await work;
      expect(wasDone).toBe(false);
      expect(took).toBeLessThan(150);
    }));

  const onLinux = process.platform === 'linux' ? it : it.skip;
  onLinux('hashes on a thread of the lowest priority, and leaves that of the others alone', async () => {
    const low = lowThreads();
    const one = new PasswordHasher({ concurrency: 1 });
    await one.hash(PASSWORD);
    expect(lowThreads()).toBe(low + 1);
    await Promise.all(Array.from({ length: 3 }, () => one.hash(PASSWORD)));
    expect(lowThreads()).toBe(low + 1);
    expect(getPriority()).toBeLessThan(constants.priority.PRIORITY_LOW);
  });

  it('keeps a processor free by default', () => {
    expect(defaultConcurrency(1)).toBe(1);
    expect(defaultConcurrency(2)).toBe(1);
    expect(defaultConcurrency(4)).toBe(3);
    expect(defaultConcurrency(64)).toBe(3);
    expect(defaultConcurrency()).toBeGreaterThanOrEqual(1);
    expect(defaultConcurrency()).toBeLessThanOrEqual(3);
  });

  it.each([
    { concurrency: 0 },
    { concurrency: 1.5 },
    { concurrency: NaN },
    { queueLimit: -1 },
    { queueLimit: NaN },
  ])('refuses %j', (options) => {
    expect(() => new PasswordHasher(options)).toThrow(RangeError);
  });
});
