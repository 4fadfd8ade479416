import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { EarshotError } from '#core/errors';
import { type Database, openDatabase } from '#store/database';
import { JobQueue, type JobQueueOptions, type QueueDefinition } from '#store/queue';
import type { AbandonedJob } from '#store/queue-recovery';
import { startChild } from '../support/child.ts';
import { describeOverDatabases } from '../support/databases.ts';

const TAKE_JOB = new URL('./children/take-job.ts', import.meta.url);
const WAIT = { timeout: 20_000, interval: 20 };

describeOverDatabases('job queue', (fixture) => {
  /** Each test has a queue of its own in the shared database. */
  async function open(
    options: JobQueueOptions & { definition?: Partial<QueueDefinition>; on?: Database } = {},
  ) {
    const { definition, on, ...rest } = options;
    const name = definition?.name ?? `q${randomUUID()}`;
    const errors: unknown[] = [];
    const onError = (error: unknown) => void errors.push(error);
    const queue = await JobQueue.open(
      on ?? fixture.database(),
      [{ name, retryLimit: 2, retryDelaySec: 1, ...definition }],
      { pollIntervalMs: 20, onError, ...rest },
    );
    onTestFinished(async () => {
      await queue.stop({ graceMs: 0 });
      expect(errors).toEqual([]);
    });
    return { queue, name };
  }

  it('does a job once, with its payload, when its transaction has committed', async () => {
    const { queue, name } = await open();
    const done: unknown[] = [];
    queue.work(name, {}, async (job) => void done.push([job.id, job.payload, job.attempt]));
    const failing = fixture.database().transaction(async (session) => {
      await queue.send(name, { clip: 'never' }, { session });
      throw new Error('stop');
    });
    await expect(failing).rejects.toThrow('stop');
    const id = await fixture
      .database()
      .transaction((session) => queue.send(name, { clip: 'ü"' }, { session }));
    await vi.waitFor(() => expect(done).toEqual([[id, { clip: 'ü"' }, 1]]), WAIT);
    await vi.waitFor(
      async () => expect(await queue.counts(name)).toEqual({ queued: 0, active: 0, dead: 0 }),
      WAIT,
    );
    expect(done).toHaveLength(1);
  });

  it('never gives one job to two workers, and keeps to each one’s concurrency', async () => {
    const { queue, name } = await open();
    const second = await open({ definition: { name }, on: await fixture.secondHandle() });
    const done: string[] = [];
    const peak = { now: 0, max: 0 };
    const handler = async (job: { id: string }) => {
      peak.max = Math.max(peak.max, ++peak.now);
      await new Promise((resolve) => setTimeout(resolve, 5));
      peak.now--;
      done.push(job.id);
    };
    const ids = await Promise.all(Array.from({ length: 30 }, () => queue.send(name, {})));
    queue.work(name, { concurrency: 3 }, handler);
    second.queue.work(name, { concurrency: 2 }, handler);
    await vi.waitFor(() => expect(done).toHaveLength(30), WAIT);
    expect([...done].sort()).toEqual([...ids].sort());
    expect(peak.max).toBeLessThanOrEqual(5);
  });

  it('repeats a failed attempt with growing waits until it succeeds', async () => {
    const { queue, name } = await open();
    const attempts: [number, boolean][] = [];
    queue.work(name, {}, async (job) => {
      attempts.push([job.attempt, job.willRetry(new Error('x'))]);
      if (job.attempt < 2) throw new Error('not yet');
    });
    await queue.send(name, {});
    await vi.waitFor(
      () =>
        expect(attempts).toEqual([
          [1, true],
          [2, true],
        ]),
      WAIT,
    );
    await vi.waitFor(
      async () => expect(await queue.counts(name)).toEqual({ queued: 0, active: 0, dead: 0 }),
      WAIT,
    );
  });

  it('puts what fails for good with the dead letters, from where it can be redriven', async () => {
    const { queue, name } = await open();
    const attempts: number[] = [];
    let broken = true;
    queue.work(name, {}, async (job) => {
      attempts.push(job.attempt);
      if (broken) throw new EarshotError('decode_failed', 'It broke.');
    });
    const id = await queue.send(name, { clip: 1 });
    await vi.waitFor(async () => {
      expect(await queue.deadLetters(name)).toEqual([
        {
          id,
          payload: { clip: 1 },
          error: { code: 'decode_failed', message: 'It broke.' },
          failedAt: expect.any(Date),
        },
      ]);
    }, WAIT);
    broken = false;
    expect(await queue.redrive(name, { ids: [randomUUID()] })).toEqual([]);
    expect(await queue.redrive(name)).toEqual([id]);
    await vi.waitFor(() => expect(attempts).toEqual([1, 1]), WAIT);
    expect(await queue.deadLetters(name)).toEqual([]);
  });

  it('gives up after the last attempt', async () => {
    const { queue, name } = await open({ definition: { retryLimit: 0 } });
    queue.work(name, {}, async () => {
      throw new EarshotError('index_unavailable', 'Away.', { retryable: true });
    });
    const id = await queue.send(name, {});
    await vi.waitFor(
      async () => expect((await queue.deadLetters(name)).map((letter) => letter.id)).toEqual([id]),
      WAIT,
    );
  });

  it('allows one handler a queue, and names the queues that lack one', async () => {
    const { queue, name } = await open();
    expect(() => queue.assertHandlers([name])).toThrow(name);
    queue.work(name, {}, async () => undefined);
    queue.assertHandlers([name]);
    expect(() => queue.work(name, {}, async () => undefined)).toThrow('has a handler already');
    await expect(queue.send('unknown', {})).rejects.toThrow('no queue');
  });

  it('stops a job that another process cancels', async () => {
    const { queue, name } = await open({ heartbeatMs: 20 });
    const other = await open({ definition: { name }, on: await fixture.secondHandle() });
    const aborted: unknown[] = [];
    queue.work(name, {}, async (_job, signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      aborted.push(signal.reason);
    });
    const id = await queue.send(name, {});
    await vi.waitFor(async () => expect((await queue.counts(name)).active).toBe(1), WAIT);
    expect(await other.queue.cancel(name, id)).toBe(true);
    await vi.waitFor(() => expect(aborted).toMatchObject([{ code: 'cancelled' }]), WAIT);
    expect(await other.queue.cancel(name, id)).toBe(false);
    expect(await queue.counts(name)).toEqual({ queued: 0, active: 0, dead: 0 });
  });

  it('on stopping, waits for what ends in time and gives the rest back uncounted', async () => {
    const { queue, name } = await open();
    let started = 0;
    queue.work(name, { concurrency: 2 }, async (_job, signal) => {
      started++;
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    });
    await queue.send(name, {});
    await vi.waitFor(() => expect(started).toBe(1), WAIT);
    await queue.stop({ graceMs: 10 });
    const next = await open({ definition: { name } });
    const attempts: number[] = [];
    next.queue.work(name, {}, async (job) => void attempts.push(job.attempt));
    await vi.waitFor(() => expect(attempts).toEqual([1]), WAIT);
  });

  it('lets a worker that was thought dead not complete what another has taken over', async () => {
    const { queue, name } = await open({ heartbeatMs: 600_000 });
    const abandoned: AbandonedJob[] = [];
    const rescuer = await open({
      definition: { name },
      on: await fixture.secondHandle(),
      heartbeatMs: 50,
      silentAfterMs: 1000,
      onAbandoned: async (job) => void abandoned.push(job),
    });
    let finishSlow: () => void = () => undefined;
    let finishRescue: () => void = () => undefined;
    queue.work(name, {}, () => new Promise((resolve) => (finishSlow = resolve)));
    const id = await queue.send(name, { clip: 1 });
    await vi.waitFor(
      () => expect(abandoned).toEqual([{ id, queue: name, payload: { clip: 1 }, willRetry: true }]),
      WAIT,
    );
    const attempts: number[] = [];
    const stopped = queue.stop({ graceMs: 20_000 });
    rescuer.queue.work(name, {}, (job) => {
      attempts.push(job.attempt);
      return new Promise((resolve) => (finishRescue = resolve));
    });
    await vi.waitFor(() => expect(attempts).toEqual([2]), WAIT);
    finishSlow();
    await stopped;
    expect(await rescuer.queue.counts(name)).toEqual({ queued: 0, active: 1, dead: 0 });
    finishRescue();
    await vi.waitFor(async () => expect((await rescuer.queue.counts(name)).active).toBe(0), WAIT);
  });

  it.runIf(fixture.kind === 'postgres')('takes up the job of a worker that was killed', async () => {
    const url = await fixture.emptyUrl();
    const child = startChild(TAKE_JOB, ['url', url]);
    const taken = JSON.parse(await child.line());
    await child.kill('SIGKILL');
    const database = await openDatabase({ url });
    onTestFinished(() => database.close());
    const { queue } = await open({ definition: { name: 'ingest' }, on: database, silentAfterMs: 1000 });
    const done: [string, number][] = [];
    queue.work('ingest', {}, async (job) => void done.push([job.id, job.attempt]));
    await vi.waitFor(() => expect(done).toEqual([[taken.ingest, 2]]), WAIT);
  });
});

describe('job queue of an embedded data folder', () => {
  it('takes up the jobs of a killed owner at once, and gives up those without another attempt', async () => {
    const dataDir = await mkdtemp(path.join(tmpdir(), 'earshot-queue-'));
    onTestFinished(() => rm(dataDir, { recursive: true }));
    const child = startChild(TAKE_JOB, ['folder', dataDir]);
    const taken = JSON.parse(await child.line());
    await child.kill('SIGKILL');
    const database = await openDatabase({ dataDir });
    const abandoned: AbandonedJob[] = [];
    const queue = await JobQueue.open(database, [{ name: 'ingest' }, { name: 'last' }], {
      soleOwner: true,
      onAbandoned: async (job) => void abandoned.push(job),
    });
    expect(abandoned.sort((a, b) => a.queue.localeCompare(b.queue))).toEqual([
      { id: taken.ingest, queue: 'ingest', payload: {}, willRetry: true },
      { id: taken.last, queue: 'last', payload: {}, willRetry: false },
    ]);
    expect(await queue.counts('ingest')).toEqual({ queued: 1, active: 0, dead: 0 });
    expect(await queue.counts('last')).toEqual({ queued: 0, active: 0, dead: 1 });
    await queue.stop();
    await database.close();
  }, 120_000);
});
