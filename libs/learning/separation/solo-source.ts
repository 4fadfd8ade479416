/**
 * Mixtures made on the fly of clips with one source each: a stretch of each sound at a random level, their sum, and
 * who is the loudest at every point. Each source is asked for by its own picture, and, so that kinds are learned
 * rather than clips, by that of another clip of its class; besides, things are asked for that do not sound.
 */
import { SeededRandom } from '#core/random';
import { LogFrequencyWarp } from '#model/front-ends/log-frequency';
import {
  magnitudes,
  SEPARATION_RATE_HZ,
  SEPARATION_STFT,
  type Spectrogram,
  Stft,
} from '#model/front-ends/stft';
import { idealBinaryMasks, idealRatioMask } from '#model/separation/masks';
import { BLOCK_POINTS, BLOCK_ROWS, blockSteps, toBlocks } from '#model/separation/network/blocks';
import type { MixtureBatch, MixtureKind, MixtureSource } from '#model/separation/network/learn-separation';
import { maskWeight } from '#model/separation/network/mask-loss';
import { networkInput } from '#model/separation/network/network-input';
import { writeAppearance, writeCellSteps, writeMotionSteps } from '#model/separation/network/query-input';
import type { SeparationNetworkOptions } from '#model/separation/network/separation-network';
import { appearanceWidth, motionWidth } from '#model/separation/network/visual-query';
import { CELL_COUNT } from '#model/synchronization/cell-motion';
import type { MotionStream } from '#model/synchronization/stream';
import { GUIDE_VIEWS, guideLayout, SOLO_SAMPLES, type SoloCache } from './solo-cache.ts';

export interface MixingOptions {
  /** Frames of a training mixture; even. */
  frames: number;
  /** Each source is made louder or softer by up to this. */
  gainDb: number;
  /** How often a query has no embedding, as a single position has none, and how often no motion. */
  withoutEmbedding: number;
  withoutMotion: number;
}

export const DEFAULT_MIXING: MixingOptions = {
  frames: 128,
  gainDb: 6,
  withoutEmbedding: 0.15,
  withoutMotion: 0.1,
};

/** Questions asked of every mixture. */
const QUERIES = 4;
/** Of them, at least so many about what does not sound, where the sources leave room. */
const STRANGERS = 1;
const SOURCES: Record<MixtureKind, number> = { solos: 1, unlike: 2, like: 2, trios: 3, listed: 2 };

interface Chosen {
  clip: number;
  /** First frame of the stretch. */
  start: number;
  gain: number;
}

/** Numbers of clips by their label. */
type Classes = Map<string, number[]>;

interface Query {
  clip: number;
  /** Which of the mixture's sources is asked for; null: none of them. */
  source: number | null;
  /** First frame of what is heard, on the picture's clock; null: the picture is of another moment. */
  start: number | null;
}

export class SoloSource implements MixtureSource {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly hasListed: boolean;
  readonly #clips: { cache: SoloCache; index: number }[] = [];
  readonly #network: SeparationNetworkOptions;
  readonly #mixing: MixingOptions;
  readonly #stft = new Stft();
  readonly #warp = new LogFrequencyWarp();
  readonly #spectra = new Map<number, CompactSpectrogram>();
  readonly #byClass: Classes = new Map();
  /** Of the lists: what of the clips beyond those of the corpus is alike. */
  readonly #listed: Classes = new Map();
  readonly #stream: MotionStream;
  readonly #tokens = new Map<number, Float32Array>();

  /**
   * @param caches of the corpus, then of lists of one's own
   * @param stream makes tokens of the cells' motion
   */
  constructor(
    caches: readonly [SoloCache, ...SoloCache[]],
    network: SeparationNetworkOptions,
    stream: MotionStream,
    mixing: MixingOptions = DEFAULT_MIXING,
  ) {
    this.#network = network;
    this.#stream = stream;
    this.#mixing = mixing;
    caches.forEach((cache, set) => {
      const classes = set === 0 ? this.#byClass : this.#listed;
      cache.clips.forEach(({ label }, index) => {
        const clip = this.#clips.push({ cache, index }) - 1;
        classes.set(label, [...(classes.get(label) ?? []), clip]);
      });
    });
    for (const [label, clips] of this.#listed) if (clips.length < 2) this.#listed.delete(label);
    this.hasListed = this.#listed.size > 0;
    this.settings = { clips: this.#clips.length, ...mixing };
  }

  batch(kind: MixtureKind, mixtures: number, seed: string): MixtureBatch {
    const random = new SeededRandom(seed);
    const steps = blockSteps(this.#mixing.frames);
    const points = BLOCK_ROWS * BLOCK_POINTS;
    const batch: MixtureBatch = {
      mixtures,
      steps,
      queries: QUERIES,
      input: new Float32Array(mixtures * steps * points),
      targets: new Float32Array(mixtures * steps * points * QUERIES),
      weights: new Float32Array(mixtures * steps * points),
      appearance: new Float32Array(mixtures * QUERIES * appearanceWidth(this.#network)),
      motion: new Float32Array(mixtures * steps * QUERIES * motionWidth(this.#network)),
      cells: new Float32Array(mixtures * QUERIES * CELL_COUNT * steps * this.#network.cellWidth),
    };
    for (let i = 0; i < mixtures; i++) {
      const { sources, queries } = this.#choose(kind, random);
      this.#writeSound(batch, i, sources, queries);
      queries.forEach((query, q) => {
        this.#writeQuery(batch, i, q, query, random);
      });
    }
    return batch;
  }

  /** What sounds, and what is asked: each source, each of them again in another way, and strangers. */
  #choose(kind: MixtureKind, random: SeededRandom): { sources: Chosen[]; queries: Query[] } {
    const count = SOURCES[kind];
    const isAlike = kind === 'like' || kind === 'listed';
    const byClass = kind === 'listed' ? this.#listed : this.#byClass;
    const classes = random.shuffle([...byClass.keys()]);
    const labels = Array.from({ length: count }, (_, i) => classes[isAlike ? 0 : i] as string);
    const taken = new Set<number>();
    const pick = (label: string, of = byClass) => {
      const all = of.get(label) as number[];
      const free = all.filter((one) => !taken.has(one));
      // A class that has no other clip is asked for by one that was chosen before.
      const clip = random.pick(free.length > 0 ? free : all);
      taken.add(clip);
      return clip;
    };
    const start = (clip: number) => random.integer(0, this.#framesOf(clip) - this.#mixing.frames + 1);
    const sources = labels.map((label) => {
      const clip = pick(label);
      return { clip, start: start(clip), gain: 10 ** (random.uniform(-1, 1) * (this.#mixing.gainDb / 20)) };
    });
    const queries: Query[] = sources.map(({ clip, start }, source) => ({ clip, source, start }));
    const again = Math.min(count, QUERIES - STRANGERS - count);
    for (let source = 0; source < again; source++) {
      // Two of a class are told apart by their own motion alone: there the other question is the same clip's again.
      if (isAlike) queries.push(queries[source] as Query);
      else queries.push({ clip: pick(labels[source] as string), source, start: null });
    }
    const silent = random.shuffle([...this.#byClass.keys()]).filter((label) => !labels.includes(label));
    for (let i = 0; queries.length < QUERIES; i++) {
      const label = silent[i % silent.length];
      // Where all classes sound there are no strangers, and the sources are asked for once more.
      if (label === undefined) queries.push(queries[i % count] as Query);
      else {
        const clip = pick(label, this.#byClass);
        queries.push({ clip, source: null, start: start(clip) });
      }
    }
    return { sources, queries };
  }

  #writeSound(
    batch: MixtureBatch,
    mixture: number,
    sources: readonly Chosen[],
    queries: readonly Query[],
  ): void {
    const { frames } = this.#mixing;
    const { bins } = this.#stft;
    const sum = {
      frames,
      bins,
      real: new Float32Array(frames * bins),
      imaginary: new Float32Array(frames * bins),
    };
    const own = sources.map((source) => this.#warp.warp(this.#addTo(sum, source), frames));
    const whole = this.#warp.warp(magnitudes(sum), frames);
    const points = whole.length;
    toBlocks(networkInput(whole), frames, batch.input, mixture * points);
    const inBlocks = new Float32Array(points);
    toBlocks(whole, frames, inBlocks, 0);
    for (let i = 0; i < points; i++) batch.weights[mixture * points + i] = maskWeight(inBlocks[i] as number);
    const masks =
      this.#network.mask === 'binary' ? idealBinaryMasks(own) : own.map((one) => idealRatioMask(one, whole));
    masks.forEach((mask, source) => {
      toBlocks(mask, frames, inBlocks, 0);
      queries.forEach((query, q) => {
        if (query.source !== source) return;
        batch.targets.set(inBlocks, (q * batch.mixtures + mixture) * points);
      });
    });
  }

  /** Adds the chosen stretch of a clip's transform to the mixture's; answers its magnitudes, `[frames, bins]`. */
  #addTo({ real, imaginary }: Spectrogram, { clip, start, gain }: Chosen): Float32Array {
    const whole = this.#transform(clip);
    const factor = whole.unit * gain;
    const own = new Float32Array(real.length);
    // Plain loops: this is half of what a step costs.
    for (let i = 0, from = start * this.#stft.bins; i < own.length; i++, from++) {
      const re = (whole.real[from] as number) * factor;
      const im = (whole.imaginary[from] as number) * factor;
      real[i] = (real[i] as number) + re;
      imaginary[i] = (imaginary[i] as number) + im;
      own[i] = Math.sqrt(re * re + im * im);
    }
    return own;
  }

  /** Frames in which there is sound to mix; a short clip is followed by silence. */
  #framesOf(clip: number): number {
    const { cache, index } = this.#clips[clip] as { cache: SoloCache; index: number };
    return Math.max(this.#mixing.frames, this.#stft.frameCount(cache.clips[index]?.samples as number));
  }

  /** A clip's transform, which is computed when the clip is first used. */
  #transform(clip: number): CompactSpectrogram {
    const found = this.#spectra.get(clip);
    if (found) return found;
    const { cache, index } = this.#clips[clip] as { cache: SoloCache; index: number };
    const from = index * SOLO_SAMPLES;
    const samples = new Float32Array(SOLO_SAMPLES);
    for (let i = 0; i < SOLO_SAMPLES; i++) samples[i] = (cache.samples[from + i] as number) / 32768;
    const made = compact(this.#stft.forward(samples));
    this.#spectra.set(clip, made);
    return made;
  }

  /** The tokens of a view's cells, which are computed when it is first asked by. */
  #cellTokens(view: number, cells: Float32Array): Float32Array {
    const found = this.#tokens.get(view);
    if (found) return found;
    const made = this.#stream.embed(cells);
    this.#tokens.set(view, made);
    return made;
  }

  #writeQuery(
    batch: MixtureBatch,
    mixture: number,
    query: number,
    { clip, start }: Query,
    random: SeededRandom,
  ): void {
    const { cache, index } = this.#clips[clip] as { cache: SoloCache; index: number };
    const layout = guideLayout(this.#network, cache.guideSteps);
    const which = random.integer(0, GUIDE_VIEWS);
    const from = (index * GUIDE_VIEWS + which) * layout.floats;
    const guide = cache.guides.subarray(from, from + layout.floats);
    const hasEmbedding = random.next() >= this.#mixing.withoutEmbedding;
    const isWithMotion = random.next() >= this.#mixing.withoutMotion;
    const ask = query * batch.mixtures + mixture;
    writeAppearance(
      this.#network,
      guide.subarray(0, layout.embedding),
      hasEmbedding ? guide.subarray(layout.embedding, layout.tokens) : null,
      batch.appearance,
      ask * appearanceWidth(this.#network),
    );
    if (start === null || !isWithMotion) return;
    const { steps } = batch;
    const rateHz = cache.guideRateHz;
    const startSec = (start * SEPARATION_STFT.hopSamples) / SEPARATION_RATE_HZ;
    const motion = { data: guide.subarray(layout.tokens, layout.cells), rateHz };
    const tokens = {
      data: this.#cellTokens(clip * GUIDE_VIEWS + which, guide.subarray(layout.cells)),
      rateHz,
    };
    const { stepWidth, cellWidth } = this.#network;
    writeMotionSteps(
      motion,
      stepWidth,
      { startSec, steps },
      batch.motion,
      ask * steps * motionWidth(this.#network),
    );
    writeCellSteps(tokens, cellWidth, { startSec, steps }, batch.cells, ask * CELL_COUNT * steps * cellWidth);
  }
}

/** A transform in 16 bit: half the memory, 90 dB below the clip's loudest point. */
interface CompactSpectrogram {
  real: Int16Array;
  imaginary: Int16Array;
  /** What one step of the integers is worth. */
  unit: number;
}

function compact({ real, imaginary }: Spectrogram): CompactSpectrogram {
  let peak = 0;
  for (const values of [real, imaginary]) for (const value of values) peak = Math.max(peak, Math.abs(value));
  const unit = peak > 0 ? peak / 32767 : 1;
  const integers = (values: Float32Array) => {
    const out = new Int16Array(values.length);
    for (let i = 0; i < out.length; i++) out[i] = Math.round((values[i] as number) / unit);
    return out;
  };
  return { real: integers(real), imaginary: integers(imaginary), unit };
}
