/** A planned scene as arrays: colour frames, movement, sound, and where it comes from. */
import type { SeededRandom } from '#core/random';
import type { FrontEnds } from '#model/checkpoint/manifest';
import { cellMovement } from '#model/localization/motion-evidence';
import { type SceneClips, TRUTH_SIDE } from './scene-clips.ts';
import type { Layer, Scene } from './scene-plan.ts';

export interface RenderedScene {
  scene: Scene;
  /** `[frames][height * width * 3]`, 0..1 */
  frames: Float32Array[];
  /** `[steps, side * side]`, see `cellMovement` */
  movement: Float32Array;
  steps: number;
  /** `[melFrames, bands]`, not normalised */
  logMel: Float32Array;
  /** `[frames][layers][side * side]`, 0..1: where the layer's object can be seen, sounding or not */
  truths: Float32Array[][];
  /** Which of the steps the frames are. */
  chosen: number[];
}

/** Each output pixel is the mean of so many by so many points. */
const POINTS = 2;

export class SceneRenderer {
  readonly #clips: SceneClips;
  readonly #video: FrontEnds['video'];
  readonly #side: number;
  /** Log-mels of silence and noises. */
  readonly #ambience: readonly Float32Array[];
  /** Log-mel of silence. */
  readonly #floor: number;

  /** @param side cells along each side of a map */
  constructor(clips: SceneClips, frontEnds: FrontEnds, side: number, ambience: readonly Float32Array[]) {
    this.#clips = clips;
    this.#video = frontEnds.video;
    this.#side = side;
    this.#ambience = ambience;
    this.#floor = Math.log(frontEnds.audio.offset);
  }

  /** @param frameCount colour frames to draw, from different times of the clip */
  render(scene: Scene, frameCount: number, random: SeededRandom): RenderedScene {
    const { cache } = this.#clips;
    const part = cache.framesPerClip / frameCount;
    const colour = Array.from({ length: frameCount }, (_, i) =>
      Math.min(cache.framesPerClip - 1, Math.floor((i + random.next()) * part)),
    );
    return {
      scene,
      frames: colour.map((frame) => this.#paintColour(scene, frame)),
      movement: cellMovement(this.#paintLuma(scene), cache.spec.steps, this.#side),
      steps: cache.spec.steps,
      logMel: this.#mix(scene),
      truths: colour.map((frame) => this.#paintTruths(scene, frame)),
      chosen: colour.map((frame) => frame * this.#video.colourEveryFrames),
    };
  }

  #paintColour({ layers }: Scene, frame: number): Float32Array {
    const { cache, truths } = this.#clips;
    const { frameSize } = cache.spec;
    const size = this.#video.width;
    const out = new Float32Array(size * size * 3);
    for (const layer of layers) {
      const at = layer.still ? 0 : frame;
      const pixels = frameSize * frameSize * 3;
      const from = (layer.clip * cache.framesPerClip + at) * pixels;
      const places = placesOf(layer, size, frameSize, POINTS);
      const picture = cache.frames.subarray(from, from + pixels);
      const mask = (truths[layer.clip] as Uint8Array[])[at] as Uint8Array;
      for (let channel = 0; channel < 3; channel++) {
        const scale = (layer.contrast[channel] as number) / 255;
        const shift = layer.brightness[channel] as number;
        paint(out, { channels: 3, channel }, picture, places, { mask, cutOut: layer.cutOut, scale, shift });
      }
    }
    return out.map((value) => Math.min(1, Math.max(0, value)));
  }

  #paintLuma({ layers }: Scene): Float32Array {
    const { cache, truths } = this.#clips;
    const { lumaSize, steps } = cache.spec;
    const size = 2 * this.#side;
    const out = new Float32Array(steps * size * size);
    const every = this.#video.colourEveryFrames;
    for (const layer of layers) {
      // One point a pixel: what counts is how pixels change, and every step is drawn from the same places.
      const places = placesOf(layer, size, lumaSize, 1);
      const scale = layer.contrast[0] / 255;
      for (let step = 0; step < steps; step++) {
        const at = layer.still ? 0 : step;
        const from = (layer.clip * steps + at) * lumaSize * lumaSize;
        const picture = cache.luma.subarray(from, from + lumaSize * lumaSize);
        const frame = Math.min(cache.framesPerClip - 1, Math.round(at / every));
        const mask = (truths[layer.clip] as Uint8Array[])[frame] as Uint8Array;
        const target = out.subarray(step * size * size, (step + 1) * size * size);
        const how = { mask, cutOut: layer.cutOut, scale, shift: 0 };
        paint(target, { channels: 1, channel: 0 }, picture, places, how);
      }
    }
    return out;
  }

  /** Each layer's object, as far as no later layer covers it. */
  #paintTruths({ layers }: Scene, frame: number): Float32Array[] {
    const cells = this.#side * this.#side;
    const plain = { channels: 1, channel: 0 };
    const painted: Float32Array[] = [];
    for (const layer of layers) {
      const at = layer.still ? 0 : frame;
      const mask = (this.#clips.truths[layer.clip] as Uint8Array[])[at] as Uint8Array;
      const places = placesOf(layer, this.#side, TRUTH_SIDE, POINTS);
      const own = new Float32Array(cells);
      paint(own, plain, mask, places, { mask, cutOut: false, scale: 1 / 255, shift: 0 });
      const cover = new Float32Array(cells);
      paint(cover, plain, mask, places, { mask, cutOut: layer.cutOut, scale: 0, shift: 1 });
      for (const below of painted)
        for (let i = 0; i < cells; i++) below[i] = (below[i] as number) * (1 - (cover[i] as number));
      painted.push(own);
    }
    return painted;
  }

  #mix({ layers, elsewhere, gain }: Scene): Float32Array {
    const { cache } = this.#clips;
    const size = cache.spec.audio.frames * cache.spec.audio.bands;
    const parts = layers
      .filter(({ sounds }) => sounds)
      .map(({ clip }) => cache.logMel.subarray(clip * size, (clip + 1) * size));
    if (elsewhere.kind === 'clip')
      parts.push(cache.logMel.subarray(elsewhere.clip * size, (elsewhere.clip + 1) * size));
    if (elsewhere.kind === 'ambience') parts.push(this.#ambience[elsewhere.index] as Float32Array);
    const offset = Math.exp(this.#floor);
    const factor = Math.exp(gain);
    return Float32Array.from({ length: size }, (_, i) => {
      let sum = 0;
      for (const part of parts) sum += Math.exp(part[i] as number) - offset;
      return Math.log(Math.max(0, sum) * factor + offset);
    });
  }
}

/** Where a layer's pixels come from; -1 outside of it. */
interface Places {
  points: number;
  /** `[size * size * points * points]`: pixel of the clip's picture. */
  pixels: Int32Array;
  /** Likewise: cell of its truth. */
  cells: Int32Array;
}

/** @param pictureSide of the clip's picture, which is square as the scene is */
function placesOf(layer: Layer, size: number, pictureSide: number, points: number): Places {
  const { source, target, mirrored } = layer;
  const columns = along(size * points, target.left, target.width, source.left, source.width, mirrored);
  const rows = along(size * points, target.top, target.height, source.top, source.height, false);
  const pixels = new Int32Array(size * size * points * points).fill(-1);
  const cells = pixels.slice();
  let at = 0;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      for (let point = 0; point < points * points; point++, at++) {
        const y = rows[row * points + Math.floor(point / points)] as number;
        const x = columns[column * points + (point % points)] as number;
        if (x < 0 || y < 0) continue;
        pixels[at] = Math.floor(y * pictureSide) * pictureSide + Math.floor(x * pictureSide);
        cells[at] = Math.floor(y * TRUTH_SIDE) * TRUTH_SIDE + Math.floor(x * TRUTH_SIDE);
      }
    }
  }
  return { points, pixels, cells };
}

/** For each point of the scene along one axis, the place in the clip's frame; -1 outside the layer. */
function along(
  points: number,
  targetStart: number,
  targetLength: number,
  sourceStart: number,
  sourceLength: number,
  mirrored: boolean,
): Float64Array {
  return Float64Array.from({ length: points }, (_, i) => {
    const part = ((i + 0.5) / points - targetStart) / targetLength;
    if (part < 0 || part >= 1) return -1;
    return Math.min(1 - 1e-9, Math.max(0, sourceStart + (mirrored ? 1 - part : part) * sourceLength));
  });
}

/** Paints one channel of a layer over what is there: `value * scale + shift` of the mean of each pixel's points. */
function paint(
  out: Float32Array,
  { channels, channel }: { channels: number; channel: number },
  picture: Uint8Array,
  { points, pixels, cells }: Places,
  { mask, cutOut, scale, shift }: { mask: Uint8Array; cutOut: boolean; scale: number; shift: number },
): void {
  const each = points * points;
  for (let i = 0, at = 0; at < pixels.length; i++) {
    let covered = 0;
    let sum = 0;
    for (let point = 0; point < each; point++, at++) {
      const pixel = pixels[at] as number;
      if (pixel < 0 || (cutOut && mask[cells[at] as number] !== 255)) continue;
      covered++;
      sum += picture[pixel * channels + channel] as number;
    }
    if (covered === 0) continue;
    const target = i * channels + channel;
    const rest = (out[target] as number) * (each - covered);
    out[target] = (rest + sum * scale + covered * shift) / each;
  }
}
