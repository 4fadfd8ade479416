/**
 * Mixtures made on the fly: of clips with one source each, or of scenes whose sources are known one by one; a stretch of
 * each sound at a random level, their sum, and who is the loudest at every point. Each source is asked for by its own
 * picture, and, so that kinds are learned rather than clips, by that of another clip of its class; besides, things are
 * asked for that do not sound.
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
import { CLIP_SAMPLES, type ClipCache, guideLayout } from './separation-cache.ts';

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
const SOURCES = { solos: 1, unlike: 2, like: 2, trios: 3, listed: 2 };

/** What mixtures are made of: clips of the corpus, of lists of one's own, and scenes of several sources. */
export interface MixtureCaches {
  solos: ClipCache;
  listed: readonly ClipCache[];
  scenes: readonly ClipCache[];
}

/** A clip of one of the caches, and what has been computed of it so far. */
interface Place {
  cache: ClipCache;
  index: number;
  /** By source. */
  spectra: CompactSpectrogram[];
  /** By view, of its cells. */
  tokens: Float32Array[];
}

interface Chosen {
  clip: Place;
  /** Which of its sources. */
  source: number;
  /** First frame of the stretch. */
  start: number;
  gain: number;
}

/** Clips by their label. */
type Classes = Map<string, Place[]>;

/** Of a scene's questions, how often those about a place with nothing in it take the place of the last ones. */
const EMPTY_SHARE = 0.3;

interface Query {
  clip: Place;
  /** Which of its views; null: any. */
  view: number | null;
  /** Which of the targets is asked for; null: nothing sounds there; `all`: everything does. */
  target: number | 'all' | null;
  /** First frame of what is heard, on the picture's clock; null: the picture is of another moment. */
  start: number | null;
}

interface Mixture {
  sources: Chosen[];
  queries: Query[];
  /** Whether there are two targets of each source: it against the others, and the others against it. */
  hasRests: boolean;
}

export class ClipMixtures implements MixtureSource {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly kinds: ReadonlySet<MixtureKind>;
  readonly #network: SeparationNetworkOptions;
  readonly #stream: MotionStream;
  readonly #mixing: MixingOptions;
  readonly #byClass: Classes;
  readonly #listed: Classes;
  readonly #scenes: Place[];
  readonly #stft = new Stft();
  readonly #warp = new LogFrequencyWarp();

  /** @param stream makes tokens of the cells' motion */
  constructor(
    { solos, listed, scenes }: MixtureCaches,
    network: SeparationNetworkOptions,
    stream: MotionStream,
    mixing: MixingOptions = DEFAULT_MIXING,
  ) {
    this.#network = network;
    this.#stream = stream;
    this.#mixing = mixing;
    this.#byClass = byLabel([solos]);
    this.#listed = byLabel(listed);
    for (const [label, clips] of this.#listed) if (clips.length < 2) this.#listed.delete(label);
    this.#scenes = scenes.flatMap(places);
    this.kinds = new Set<MixtureKind>([
      ...(['solos', 'unlike', 'like', 'trios'] as const),
      ...(this.#listed.size > 0 ? (['listed'] as const) : []),
      ...(this.#scenes.length > 0 ? (['scenes'] as const) : []),
    ]);
    const count = (caches: readonly ClipCache[]) => caches.reduce((sum, { clips }) => sum + clips.length, 0);
    this.settings = { clips: count([solos]), listed: count(listed), scenes: count(scenes), ...mixing };
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
      const mixture = kind === 'scenes' ? this.#chooseScene(random) : this.#choose(kind, random);
      this.#writeSound(batch, i, mixture);
      mixture.queries.forEach((query, q) => {
        this.#writeQuery(batch, i, q, query, random);
      });
    }
    return batch;
  }

  /** What sounds, and what is asked: each source, each of them again in another way, and strangers. */
  #choose(kind: Exclude<MixtureKind, 'scenes'>, random: SeededRandom): Mixture {
    const count = SOURCES[kind];
    const isAlike = kind === 'like' || kind === 'listed';
    const byClass = kind === 'listed' ? this.#listed : this.#byClass;
    const classes = random.shuffle([...byClass.keys()]);
    const labels = Array.from({ length: count }, (_, i) => classes[isAlike ? 0 : i] as string);
    const taken = new Set<Place>();
    const pick = (label: string, of = byClass) => {
      const all = of.get(label) as Place[];
      const free = all.filter((one) => !taken.has(one));
      // A class that has no other clip is asked for by one that was chosen before.
      const clip = random.pick(free.length > 0 ? free : all);
      taken.add(clip);
      return clip;
    };
    const sources = labels.map((label): Chosen => {
      const clip = pick(label);
      return { clip, source: 0, start: this.#start(clip, random), gain: this.#gain(random) };
    });
    const queries = sources.map(({ clip, start }, target): Query => ({ clip, view: null, target, start }));
    const again = Math.min(count, QUERIES - STRANGERS - count);
    for (let target = 0; target < again; target++) {
      // Two of a class are told apart by their own motion alone: there the other question is the same clip's again.
      if (isAlike) queries.push(queries[target] as Query);
      else queries.push({ clip: pick(labels[target] as string), view: null, target, start: null });
    }
    const silent = random.shuffle([...this.#byClass.keys()]).filter((label) => !labels.includes(label));
    for (let i = 0; queries.length < QUERIES; i++) {
      const label = silent[i % silent.length];
      // Where all classes sound there are no strangers, and the sources are asked for once more.
      if (label === undefined) queries.push(queries[i % count] as Query);
      else {
        const clip = pick(label, this.#byClass);
        queries.push({ clip, view: null, target: null, start: this.#start(clip, random) });
      }
    }
    return { sources, queries, hasRests: false };
  }

  /**
   * All sources of a scene; asked for are the region of each, and as many of the pictures without one as there is room
   * for; or a place with nothing in it, and the picture without that.
   */
  #chooseScene(random: SeededRandom): Mixture {
    const clip = random.pick(this.#scenes);
    const start = this.#start(clip, random);
    const sources = Array.from(
      { length: clip.cache.sources },
      (_, source): Chosen => ({ clip, source, start, gain: this.#gain(random) }),
    );
    const view = (source: number, isRest: number): Query => {
      const one = 2 * source + isRest;
      return { clip, view: one, target: one, start };
    };
    const order = random.shuffle([...sources.keys()]);
    const queries = [...order.map((source) => view(source, 0)), ...order.map((source) => view(source, 1))];
    while (queries.length < QUERIES) queries.push(queries[0] as Query);
    const asksEmpty = random.next() < EMPTY_SHARE && clip.cache.clips[clip.index]?.hasEmpty;
    if (asksEmpty) {
      const nothing: Query = { clip, view: 2 * sources.length, target: null, start };
      queries.splice(QUERIES - 2, 2, nothing, { ...nothing, view: 2 * sources.length + 1, target: 'all' });
    }
    return { sources, queries: queries.slice(0, QUERIES), hasRests: true };
  }

  #gain(random: SeededRandom): number {
    return 10 ** (random.uniform(-1, 1) * (this.#mixing.gainDb / 20));
  }

  /** A clip that is shorter than a mixture is followed by silence. */
  #start({ cache, index }: Place, random: SeededRandom): number {
    const frames = this.#stft.frameCount(cache.clips[index]?.samples as number);
    return random.integer(0, Math.max(0, frames - this.#mixing.frames) + 1);
  }

  #writeSound(batch: MixtureBatch, mixture: number, { sources, queries, hasRests }: Mixture): void {
    const { frames } = this.#mixing;
    const sum = this.#nothing();
    const own = sources.map((source) => this.#addTo(sum, source));
    const whole = this.#warp.warp(magnitudes(sum), frames);
    const points = whole.length;
    toBlocks(networkInput(whole), frames, batch.input, mixture * points);
    const inBlocks = new Float32Array(points);
    toBlocks(whole, frames, inBlocks, 0);
    for (let i = 0; i < points; i++) batch.weights[mixture * points + i] = maskWeight(inBlocks[i] as number);
    const warped = own.map((one) => this.#warp.warp(one, frames));
    const masks = hasRests
      ? warped.flatMap((one, source) => this.#masksOf([one, this.#restOf(sources, source)], whole))
      : this.#masksOf(warped, whole);
    queries.forEach(({ target }, q) => {
      const from = (q * batch.mixtures + mixture) * points;
      if (target === 'all') batch.targets.fill(1, from, from + points);
    });
    masks.forEach((mask, target) => {
      toBlocks(mask, frames, inBlocks, 0);
      queries.forEach((query, q) => {
        if (query.target !== target) return;
        batch.targets.set(inBlocks, (q * batch.mixtures + mixture) * points);
      });
    });
  }

  #masksOf(own: Float32Array[], whole: Float32Array): Float32Array[] {
    return this.#network.mask === 'binary'
      ? idealBinaryMasks(own)
      : own.map((one) => idealRatioMask(one, whole));
  }

  /** Magnitudes of all sources but one. */
  #restOf(sources: readonly Chosen[], without: number): Float32Array {
    const sum = this.#nothing();
    sources.forEach((source, i) => {
      if (i !== without) this.#addTo(sum, source);
    });
    return this.#warp.warp(magnitudes(sum), this.#mixing.frames);
  }

  #nothing(): Spectrogram {
    const { frames } = this.#mixing;
    const { bins } = this.#stft;
    const size = frames * bins;
    return { frames, bins, real: new Float32Array(size), imaginary: new Float32Array(size) };
  }

  /** Adds the chosen stretch of a clip's transform to the mixture's; answers its magnitudes, `[frames, bins]`. */
  #addTo({ real, imaginary }: Spectrogram, { clip, source, start, gain }: Chosen): Float32Array {
    clip.spectra[source] ??= this.#transform(clip, source);
    const whole = clip.spectra[source];
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

  #transform({ cache, index }: Place, source: number): CompactSpectrogram {
    const from = (index * cache.sources + source) * CLIP_SAMPLES;
    const samples = new Float32Array(CLIP_SAMPLES);
    for (let i = 0; i < CLIP_SAMPLES; i++) samples[i] = (cache.samples[from + i] as number) / 32768;
    return compact(this.#stft.forward(samples));
  }

  #writeQuery(
    batch: MixtureBatch,
    mixture: number,
    query: number,
    { clip, view, start }: Query,
    random: SeededRandom,
  ): void {
    const { cache, index, tokens } = clip;
    const layout = guideLayout(this.#network, cache.guideSteps);
    const seen = view ?? random.integer(0, cache.views);
    const from = (index * cache.views + seen) * layout.floats;
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
    tokens[seen] ??= this.#stream.embed(guide.subarray(layout.cells));
    const { steps } = batch;
    const { stepWidth, cellWidth } = this.#network;
    const rateHz = cache.guideRateHz;
    const stretch = { startSec: (start * SEPARATION_STFT.hopSamples) / SEPARATION_RATE_HZ, steps };
    const moves = { data: guide.subarray(layout.tokens, layout.cells), rateHz };
    writeMotionSteps(moves, stepWidth, stretch, batch.motion, ask * steps * motionWidth(this.#network));
    const cells = { data: tokens[seen], rateHz };
    writeCellSteps(cells, cellWidth, stretch, batch.cells, ask * CELL_COUNT * steps * cellWidth);
  }
}

function places(cache: ClipCache): Place[] {
  return cache.clips.map((_, index) => ({ cache, index, spectra: [], tokens: [] }));
}

function byLabel(caches: readonly ClipCache[]): Classes {
  const classes: Classes = new Map();
  for (const place of caches.flatMap(places)) {
    const label = place.cache.clips[place.index]?.label as string;
    classes.set(label, [...(classes.get(label) ?? []), place]);
  }
  return classes;
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
