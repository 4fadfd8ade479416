/** What heads that localize are shown: scenes put together of training clips, and which of their objects is heard. */
import type { SeededRandom } from '#core/random';

/** In 0..1 of a frame. */
interface Rectangle {
  left: number;
  top: number;
  width: number;
  height: number;
}

/** One clip in the scene. */
export interface Layer {
  clip: number;
  /** Which part of the clip's frame, and where in the scene it lies. */
  source: Rectangle;
  target: Rectangle;
  mirrored: boolean;
  /** Only the object is taken, without what is around it. */
  cutOut: boolean;
  /** It stands still, as what is silent does. */
  still: boolean;
  sounds: boolean;
  /** Contrast and brightness of each colour. */
  contrast: [number, number, number];
  brightness: [number, number, number];
}

/** What is heard beside the layers that sound. */
type Elsewhere = { kind: 'none' } | { kind: 'clip'; clip: number } | { kind: 'ambience'; index: number };

export interface Scene {
  /** In the order of painting. */
  layers: Layer[];
  elsewhere: Elsewhere;
  /** Natural logarithm of the gain. */
  gain: number;
}

const WHOLE: Rectangle = { left: 0, top: 0, width: 1, height: 1 };

/**
 * @param labels   class of each clip
 * @param ambience how many backgrounds there are
 */
export function planScene(labels: readonly string[], ambience: number, random: SeededRandom): Scene {
  const first = random.integer(0, labels.length);
  const kind = random.next();
  const gain = Math.log(10) * random.uniform(-0.35, 0.25);
  const scene = (layers: Layer[], elsewhere: Elsewhere = { kind: 'none' }) => ({ layers, elsewhere, gain });
  if (kind < 0.55) return scene(...aloneInPicture(first, labels, ambience, random));
  const second = random.integer(0, labels.length);
  const halves = random.shuffle([0, 0.5]);
  const layers =
    kind < 0.78
      ? [first, second].map((clip, i) => besides(clip, halves[i] as number, random))
      : [alone(first, random), pasted(second, random)];
  return scene(layers, whoSounds(layers, labels, random));
}

/** How many objects a mixture has: one, two or three. */
const OBJECT_COUNT = { one: 0.2, two: 0.55 };

/**
 * Up to three objects that may sound at once, some of them of one class: what sounds are told apart on.
 *
 * @param labels   class of each clip
 * @param ambience how many backgrounds there are
 */
export function planMixture(labels: readonly string[], ambience: number, random: SeededRandom): Scene {
  const chance = random.next();
  const { one, two } = OBJECT_COUNT;
  const count = chance < one ? 1 : chance < one + two ? 2 : 3;
  const clips = [random.integer(0, labels.length)];
  while (clips.length < count) {
    const like = random.next() < 0.25;
    clips.push(like ? sameKind(labels, clips[0] as number, random) : otherKind(labels, clips, random));
  }
  const layers = clips.map((clip, i) => (i === 0 ? alone(clip, random) : smaller(clip, random)));
  for (const each of layers) {
    each.sounds = random.next() < 0.8;
    if (!each.sounds) each.still = random.next() < 0.5;
  }
  const gain = Math.log(10) * random.uniform(-0.35, 0.25);
  const beside = random.next();
  const background = { kind: 'ambience', index: random.integer(0, ambience) } as const;
  if (beside < 0.1)
    return { layers, gain, elsewhere: { kind: 'clip', clip: otherKind(labels, clips, random) } };
  if (beside < 0.25 || layers.every(({ sounds }) => !sounds)) return { layers, gain, elsewhere: background };
  return { layers, gain, elsewhere: { kind: 'none' } };
}

function sameKind(labels: readonly string[], clip: number, random: SeededRandom): number {
  const same = labels.flatMap((label, i) => (label === labels[clip] ? [i] : []));
  return random.pick(same);
}

function aloneInPicture(
  clip: number,
  labels: readonly string[],
  ambience: number,
  random: SeededRandom,
): [Layer[], Elsewhere] {
  const layer = alone(clip, random);
  const chance = random.next();
  if (chance < 0.68) {
    layer.sounds = true;
    const noisy = random.next() < 0.15;
    return [[layer], noisy ? { kind: 'ambience', index: random.integer(0, ambience) } : { kind: 'none' }];
  }
  layer.still = random.next() < 0.4;
  if (chance < 0.8) return [[layer], { kind: 'ambience', index: random.integer(0, ambience) }];
  return [[layer], { kind: 'clip', clip: otherKind(labels, [clip], random) }];
}

/** One of two is heard, or both, or neither. */
function whoSounds(layers: readonly Layer[], labels: readonly string[], random: SeededRandom): Elsewhere {
  const chance = random.next();
  layers.forEach((layer, i) => {
    layer.sounds = chance < 0.3 ? i === 0 : chance < 0.6 ? i === 1 : chance < 0.9;
    if (!layer.sounds) layer.still = random.next() < 0.5;
  });
  if (chance < 0.9) return { kind: 'none' };
  const clips = layers.map(({ clip }) => clip);
  return { kind: 'clip', clip: otherKind(labels, clips, random) };
}

function otherKind(labels: readonly string[], clips: readonly number[], random: SeededRandom): number {
  const seen = clips.map((clip) => labels[clip]);
  for (;;) {
    const other = random.integer(0, labels.length);
    if (!seen.includes(labels[other])) return other;
  }
}

function alone(clip: number, random: SeededRandom): Layer {
  return layer(clip, crop(random.uniform(0.72, 1), random), WHOLE, random);
}

/** Half of the picture: the middle of a clip, or all of it squeezed. */
function besides(clip: number, left: number, random: SeededRandom): Layer {
  const width = random.uniform(0.5, 1);
  const source = { left: random.uniform(0, 1 - width), top: 0, width, height: 1 };
  return layer(clip, source, { left, top: 0, width: 0.5, height: 1 }, random);
}

function pasted(clip: number, random: SeededRandom): Layer {
  const side = random.uniform(0.5, 1);
  const place = { left: random.uniform(-0.4, 1.4 - side), top: random.uniform(-0.3, 1.3 - side) };
  return {
    ...layer(clip, WHOLE, { ...place, width: side, height: side }, random),
    cutOut: true,
  };
}

/** Cut out, and put anywhere in the picture. */
function smaller(clip: number, random: SeededRandom): Layer {
  const side = random.uniform(0.4, 0.95);
  const place = { left: random.uniform(-0.25, 1.25 - side), top: random.uniform(-0.2, 1.2 - side) };
  return {
    ...layer(clip, WHOLE, { ...place, width: side, height: side }, random),
    cutOut: true,
  };
}

function crop(side: number, random: SeededRandom): Rectangle {
  return { left: random.uniform(0, 1 - side), top: random.uniform(0, 1 - side), width: side, height: side };
}

function layer(clip: number, source: Rectangle, target: Rectangle, random: SeededRandom): Layer {
  const each = (low: number, high: number) =>
    [0, 0, 0].map(() => random.uniform(low, high)) as [number, number, number];
  return {
    ...{ clip, source, target },
    mirrored: random.next() < 0.5,
    cutOut: false,
    still: false,
    sounds: false,
    contrast: each(0.75, 1.25),
    brightness: each(-0.1, 0.1),
  };
}
