import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SeededRandom } from '#core/random';
import { LogMelFrontEnd } from '#model/front-ends/log-mel';
import { pixelGradient, videoBatch } from '#model/front-ends/video-batch';
import { AudioVisualCorrespondenceNetwork } from '#model/network/audio-visual-correspondence-network';
import type { VideoFrames } from '#model/network/inputs';
import { MINI, type SampleClip, sampleClips } from './sample-clips.ts';
import { smallNetwork } from './small-network.ts';

function noise(length: number, seed: number, scale: number): Float32Array {
  const random = new SeededRandom(seed);
  return Float32Array.from({ length }, () => scale * random.normal());
}

function inner(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += (a[i] as number) * (b[i] as number);
  return sum;
}

const moved = (from: Float32Array, direction: Float32Array, by: number) =>
  from.map((value, i) => value + by * (direction[i] as number));

const asFloats = ({ data, count }: VideoFrames): VideoFrames & { data: Float32Array } => ({
  data: Float32Array.from(data, (value) => 0.02 + (0.96 * value) / 255),
  count,
});

describe('the log-mel front end, transposed', () => {
  it('is the derivative of any weighting of the log-mel', () => {
    const frontEnd = new LogMelFrontEnd();
    // Not a whole number of hops, so that the last window hangs over the end.
    const samples = noise(1711, 1, 0.3);
    const frames = 12;
    const weights = noise(frames * 64, 2, 1);
    const gradient = frontEnd.gradient(samples, weights);
    for (const seed of [3, 4, 5]) {
      const direction = noise(samples.length, seed, 1);
      const value = (by: number) =>
        inner(frontEnd.compute(moved(samples, direction, by), frames).data, weights);
      const step = 2e-4;
      const difference = (value(step) - value(-step)) / (2 * step);
      const analytic = inner(gradient, direction);
      expect(Math.abs(difference - analytic)).toBeLessThan(2e-3 * Math.abs(analytic) + 0.05);
    }
  });

  it('passes nothing on in silence, where the magnitude has no slope', () => {
    const gradient = new LogMelFrontEnd().gradient(new Float32Array(1000), noise(4 * 64, 1, 1));
    expect(gradient).toEqual(new Float32Array(1000));
  });
});

describe('the picture front end, transposed', () => {
  it('is the exact adjoint of normalisation, frame selection, luma and change', () => {
    const spec = {
      rateHz: 12.5,
      width: 96,
      height: 96,
      fit: 'stretch' as const,
      colourEveryFrames: 3,
      normalization: {
        mean: [0.4, 0.45, 0.5] as [number, number, number],
        deviation: [0.2, 0.25, 0.3] as [number, number, number],
      },
    };
    const motion = { size: 48 };
    const count = 5;
    const at = (data: Float32Array) => videoBatch([{ data, count }], spec, motion);
    const zero = at(new Float32Array(count * 96 * 96 * 3));
    const pixels = noise(count * 96 * 96 * 3, 1, 1);
    const there = at(pixels);
    const colour = noise(there.frames.length, 2, 1);
    const moving = noise(there.motion?.data.length ?? 0, 3, 1);
    // The front end is affine: without its value at zero it is linear, and <Ax, y> = <x, A'y>.
    const forward =
      inner(there.frames, colour) -
      inner(zero.frames, colour) +
      inner(there.motion?.data ?? [], moving) -
      inner(zero.motion?.data ?? [], moving);
    const backward = inner(pixels, pixelGradient(colour, moving, count, spec, motion));
    expect(Math.abs(backward / forward - 1)).toBeLessThan(1e-4);
  });
});

/** The score's central difference along a direction. */
function slope(score: (at: Float32Array) => number, at: Float32Array, direction: Float32Array, step: number) {
  return (score(moved(at, direction, step)) - score(moved(at, direction, -step))) / (2 * step);
}

/** Places of the `count` largest values, by size. */
function largest(values: Float32Array, count: number): number[] {
  const bound = values.map(Math.abs).sort().at(-count) as number;
  return [...values.keys()].filter((i) => Math.abs(values[i] as number) >= bound).slice(0, count);
}

/** The gradient against central differences: along itself, and one input at a time where it is largest. */
function compare(
  score: (at: Float32Array) => number,
  at: Float32Array,
  gradient: Float32Array,
  steps: { along: number; single: number },
) {
  const length = Math.sqrt(inner(gradient, gradient));
  expect(length).toBeGreaterThan(0);
  const along = gradient.map((value) => value / length);
  expect(Math.abs(slope(score, at, along, steps.along) / length - 1)).toBeLessThan(0.03);
  for (const index of largest(gradient, 2)) {
    const direction = new Float32Array(at.length);
    direction[index] = 1;
    const ratio = slope(score, at, direction, steps.single) / (gradient[index] as number);
    expect(Math.abs(ratio - 1)).toBeLessThan(0.1);
  }
}

describe.each(['mini', 'towers with motion'])('input gradients of %s', (name) => {
  let network: AudioVisualCorrespondenceNetwork;
  let waveform: Float32Array;
  let frames: ReturnType<typeof asFloats>;

  beforeAll(async () => {
    network =
      name === 'mini' ? await AudioVisualCorrespondenceNetwork.fromFolder(MINI) : await smallNetwork();
    const [clip] = (await sampleClips(network, 1)) as [SampleClip];
    // Room noise keeps magnitudes off zero, where the logarithm bends faster than any difference can follow.
    waveform = moved(clip.waveform, noise(clip.waveform.length, 7, 1), 0.02);
    frames = asFloats(clip.frames);
  });
  afterAll(() => network.dispose());

  it('are the slopes of the score for samples', () => {
    const { samples, score } = network.inputGradients(waveform, frames);
    expect(samples).toHaveLength(waveform.length);
    expect(score).toBeCloseTo(network.computeCorrespondence(waveform, frames).score, 6);
    compare((at) => network.computeCorrespondence(at, frames).score, waveform, samples, {
      along: 1e-4,
      single: 5e-4,
    });
  });

  it('are the slopes of the score for pixels', () => {
    const { pixels } = network.inputGradients(waveform, frames);
    expect(pixels).toHaveLength(frames.data.length);
    const scoreAt = (data: Float32Array) =>
      network.computeCorrespondence(waveform, { ...frames, data }).score;
    compare(scoreAt, frames.data, pixels, { along: 1e-3, single: 3e-3 });
  });
});
