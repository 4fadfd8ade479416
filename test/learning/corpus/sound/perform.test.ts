import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  SPLITS as ALL_SPLITS,
  CONTROL_RATE_HZ,
  DRAWN_CLASSES,
  PERFORMANCE_RATE_HZ,
  type Performance,
  type PerformanceRequest,
  type SoundClass,
  type Split,
} from '#learning/corpus/performance';
import { performAll } from '#learning/corpus/sound/perform';
import { hasFluidsynth } from './fluidsynth-here.ts';

const DURATION_SEC = 3;
const SYNTHESISED: readonly SoundClass[] = ['clock', 'bird', 'dog', 'hammer', 'car', 'siren'];
const SPLITS: readonly Split[] = ['train', 'validation', 'test'];

const CLASSES = hasFluidsynth ? DRAWN_CLASSES : SYNTHESISED;
const scope = hasFluidsynth
  ? 'all classes'
  : 'synthesised classes only: install fluidsynth and fluid-soundfont-gm for the rest';

let workDir: string;
let corpus: Performance[];

beforeAll(async () => {
  workDir = await mkdtemp(join(tmpdir(), 'earshot-sound-'));
  corpus = await perform(requestsFor(CLASSES, SPLITS, 4));
}, 60_000);

afterAll(() => rm(workDir, { recursive: true, force: true }));

async function perform(requests: PerformanceRequest[], seed = 7): Promise<Performance[]> {
  const performances: Performance[] = [];
  for await (const each of performAll(requests, { seed, workDir })) performances.push(each);
  return performances;
}

function requestsFor(classes: readonly SoundClass[], splits: readonly Split[], count: number) {
  return classes.flatMap((soundClass) =>
    splits.flatMap((split) =>
      Array.from(
        { length: count },
        (_, index): PerformanceRequest => ({ soundClass, split, index, durationSec: DURATION_SEC }),
      ),
    ),
  );
}

const bytesOf = (track: Float32Array) => Buffer.from(track.buffer, track.byteOffset, track.byteLength);

/** Largest magnitude between two times. */
function peakBetween(samples: Float32Array, fromSec: number, toSec: number): number {
  const from = Math.max(0, Math.round(fromSec * PERFORMANCE_RATE_HZ));
  const to = Math.max(from, Math.round(toSec * PERFORMANCE_RATE_HZ));
  return samples.subarray(from, to).reduce((peak, value) => Math.max(peak, Math.abs(value)), 0);
}

/** Milliseconds from the event's start to where the sound leaves what was there before; null if it overlaps. */
function onsetLagMs(samples: Float32Array, startSec: number): number | null {
  const before = peakBetween(samples, startSec - 0.04, startSec - 0.021);
  const attack = peakBetween(samples, startSec - 0.02, startSec + 0.1);
  if (before > 0.3 * attack) return null;
  const threshold = before + 0.25 * (attack - before);
  for (let ms = -21; ms < 100; ms++) {
    const atSec = startSec + ms / 1000;
    if (peakBetween(samples, atSec, atSec + 0.001) > threshold) return ms;
  }
  return null;
}

/** Zero crossings of the sound and of its successive differences: a coarse picture of the spectrum. */
function fingerprint(samples: Float32Array): number[] {
  const shares: number[] = [];
  for (let signal = samples; shares.length < 4; ) {
    const crosses = (value: number, i: number) => i > 0 && value >= 0 !== (signal[i - 1] as number) >= 0;
    shares.push(signal.filter(crosses).length / signal.length);
    signal = signal.map((value, i) => value - (signal[i - 1] ?? 0));
  }
  return shares;
}

describe(`performances (${scope})`, () => {
  it('answers every request in order with the promised shapes', () => {
    const requests = requestsFor(CLASSES, SPLITS, 4);
    expect(corpus.map(({ soundClass, split }) => [soundClass, split])).toEqual(
      requests.map(({ soundClass, split }) => [soundClass, split]),
    );
    for (const { samples, loudness, pitchMidi, durationSec } of corpus) {
      expect(samples).toHaveLength(durationSec * PERFORMANCE_RATE_HZ);
      expect(loudness).toHaveLength(durationSec * CONTROL_RATE_HZ);
      expect(pitchMidi).toHaveLength(durationSec * CONTROL_RATE_HZ);
      expect(pitchMidi.every((pitch) => pitch >= 0 && pitch < 140)).toBe(true);
      expect(loudness.every((value) => value >= 0 && value <= 1)).toBe(true);
      expect(Math.max(...loudness)).toBeCloseTo(1, 3);
    }
  });

  it.each(CLASSES)('%s is finite, audible and never clips', (soundClass) => {
    for (const { samples } of corpus.filter((each) => each.soundClass === soundClass)) {
      expect(samples.every(Number.isFinite)).toBe(true);
      const peak = peakBetween(samples, 0, DURATION_SEC);
      expect(peak).toBeLessThanOrEqual(1);
      expect(peak).toBeGreaterThan(0.24);
      const power = samples.reduce((sum, value) => sum + value * value, 0) / samples.length;
      expect(Math.sqrt(power)).toBeGreaterThan(0.002);
    }
  });

  it('keeps events sorted, inside the clip and off its very start', () => {
    for (const { events, durationSec } of corpus) {
      expect(events.length).toBeGreaterThan(0);
      expect(events.map(({ startSec }) => startSec)).toEqual(
        events.map(({ startSec }) => startSec).sort((a, b) => a - b),
      );
      for (const { startSec, endSec, velocity } of events) {
        expect(startSec).toBeGreaterThan(0.03);
        expect(endSec).toBeGreaterThan(startSec);
        expect(endSec).toBeLessThanOrEqual(durationSec);
        expect(velocity).toBeGreaterThan(0);
        expect(velocity).toBeLessThanOrEqual(1);
      }
    }
  });

  it('gives equal samples for equal requests, whatever else is in the batch', async () => {
    const all = requestsFor(CLASSES, SPLITS, 4);
    const some = all.map((request, at) => ({ request, at })).filter(({ at }) => at % 7 === 3);
    const again = await perform(some.reverse().map(({ request }) => request));
    again.forEach((performance, i) => {
      const { samples, loudness, pitchMidi, ...rest } = performance;
      const first = corpus[(some[i] as { at: number }).at] as Performance;
      expect(first).toMatchObject(rest);
      expect(Buffer.compare(bytesOf(samples), bytesOf(first.samples))).toBe(0);
      expect(Buffer.compare(bytesOf(loudness), bytesOf(first.loudness))).toBe(0);
      expect(Buffer.compare(bytesOf(pitchMidi), bytesOf(first.pitchMidi))).toBe(0);
    });
  });

  it('gives other phrases for another seed, and other phrases for every index', async () => {
    const other = await perform(requestsFor(['hammer', 'bird'], ['train'], 4), 8);
    const ids = [...corpus, ...other].map(({ phraseId }) => phraseId);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it.each(
    (['drum', 'xylophone', 'piano', 'hammer', 'clock', 'dog'] as const).filter((each) =>
      CLASSES.includes(each),
    ),
  )('%s is heard within 20 ms of its events', (soundClass) => {
    const lags = corpus
      .filter((each) => each.soundClass === soundClass)
      .flatMap(({ samples, events }) => events.map(({ startSec }) => onsetLagMs(samples, startSec)))
      .filter((lag): lag is number => lag !== null);
    expect(lags.length).toBeGreaterThan(10);
    for (const lag of lags) expect(Math.abs(lag)).toBeLessThanOrEqual(20);
  });

  it('is silent before the first event', () => {
    for (const { samples, events } of corpus) {
      const firstSec = (events[0] as { startSec: number }).startSec;
      const peak = peakBetween(samples, 0, DURATION_SEC);
      expect(peakBetween(samples, 0, firstSec - 0.1)).toBeLessThan(0.2 * peak);
    }
  });

  it('makes the classes differ in more than name', () => {
    const prints = CLASSES.map((soundClass) => {
      const own = corpus
        .filter((each) => each.soundClass === soundClass)
        .map(({ samples }) => fingerprint(samples));
      return [0, 1, 2, 3].map((k) => own.reduce((sum, each) => sum + (each[k] as number), 0));
    });
    expect(new Set(prints.map((each) => each.map((value) => value.toFixed(2)).join())).size).toBe(
      CLASSES.length,
    );
  });
});

describe('splits', () => {
  it('share no phrase: the first onset names the split', async () => {
    const requests = requestsFor(['hammer', 'clock', 'dog'], SPLITS, 60).map((each) => ({
      ...each,
      durationSec: 1,
    }));
    const remainders = new Map<number, Set<Split>>();
    const ids = new Set<string>();
    for (const { split, events, phraseId } of await perform(requests)) {
      const remainder = Math.round((events[0] as { startSec: number }).startSec * 1000) % ALL_SPLITS.length;
      remainders.set(remainder, (remainders.get(remainder) ?? new Set()).add(split));
      ids.add(phraseId);
    }
    expect([...remainders.values()].map((splits) => splits.size)).toEqual([1, 1, 1]);
    expect(ids.size).toBe(requests.length);
  });
});

describe('performAll', () => {
  const request: PerformanceRequest = { soundClass: 'piano', split: 'train', index: 0, durationSec: 1 };

  it('names the Debian packages where the soundfont is missing', async () => {
    const performances = performAll([request], { seed: 1, workDir, soundFont: join(workDir, 'none.sf2') });
    await expect(performances.next()).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringContaining('fluid-soundfont-gm'),
    });
  });

  it('names the Debian packages where the program is missing', async () => {
    vi.stubEnv('PATH', workDir);
    const soundFont = join(workDir, 'header.sf2');
    await writeFile(soundFont, 'RIFF\0\0\0\0sfbk');
    const performances = performAll([request], { seed: 1, workDir, soundFont });
    await expect(performances.next()).rejects.toMatchObject({
      code: 'invalid_argument',
      subject: 'fluidsynth',
      message: expect.stringContaining('fluidsynth fluid-soundfont-gm'),
    });
    vi.unstubAllEnvs();
    await rm(soundFont);
  });

  it('refuses a file that is no soundfont instead of answering silence', async () => {
    const performances = performAll([request], { seed: 1, workDir, soundFont: import.meta.filename });
    await expect(performances.next()).rejects.toMatchObject({ subject: 'soundFont' });
  });

  it('refuses a clip too short for a phrase', async () => {
    const performances = performAll([{ ...request, durationSec: 0.5 }], { seed: 1, workDir });
    await expect(performances.next()).rejects.toMatchObject({ subject: 'durationSec' });
  });

  it('reports progress, stops on abort and leaves no file behind', async () => {
    const controller = new AbortController();
    const seen: string[] = [];
    const performances = performAll(requestsFor(['dog'], ['train'], 5), {
      seed: 1,
      workDir,
      signal: controller.signal,
      onProgress: (done, total) => seen.push(`${done}/${total}`),
    });
    await performances.next();
    await performances.next();
    controller.abort();
    await expect(performances.next()).rejects.toMatchObject({ code: 'cancelled' });
    expect(seen).toEqual(['1/5', '2/5']);
    expect(await readdir(workDir)).toEqual([]);
  });
});
