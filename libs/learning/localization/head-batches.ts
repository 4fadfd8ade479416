/**
 * Scenes through the frozen towers: what the localization head learns from. Making one costs as much as learning from
 * it several times, so examples are kept for a while and drawn again.
 */
import { SeededRandom } from '#core/random';
import type { FrontEnds } from '#model/checkpoint/manifest';
import { LogMelFrontEnd } from '#model/front-ends/log-mel';
import { normalisedFrames } from '#model/front-ends/video-batch';
import { mapSide } from '#model/localization/localization-input';
import { EVIDENCE_CHANNELS, motionEvidence, soundCourse } from '#model/localization/motion-evidence';
import { towerStagesGraph } from '#model/onnx/localization-graphs';
import { OnnxSession, type OnnxTensor } from '#model/onnx/session';
import { audioTowerGraph } from '#model/onnx/tower-graphs';
import type { TwoTowerNetwork } from '#model/towers/two-tower';
import { ambience } from './ambience.ts';
import { type RenderedScene, SceneRenderer } from './render-scene.ts';
import type { SceneClips } from './scene-clips.ts';
import { planScene } from './scene-plan.ts';

/** Backgrounds that are mixed in or stand for a sound without a source. */
const AMBIENCE_COUNT = 48;
/** Examples that are kept; one takes about 190 kB. */
const CAPACITY = 1500;

const PARTS = ['quarter', 'eighth', 'map', 'positions', 'evidence', 'audio', 'truth'] as const;
type Part = (typeof PARTS)[number];

/** One frame of a scene; each part `[...shape]` without the batch. */
type Example = Record<Part, Float32Array>;

/** Examples side by side: `quarter`, `eighth`, `map`, `positions`, `evidence` `[frames, height, width, channels]`,
 * `audio` `[frames, dimension]` and `truth` `[frames, side, side]` in 0..1. */
export type HeadBatch = Record<Part, { data: Float32Array; shape: number[] }>;

export class HeadBatches {
  readonly #frontEnds: FrontEnds;
  readonly #labels: string[];
  readonly #renderer: SceneRenderer;
  readonly #stages: OnnxSession;
  readonly #audio: OnnxSession;
  readonly #examples: Example[] = [];
  readonly #shapes: Partial<Record<Part, number[]>> = {};

  private constructor(clips: SceneClips, frontEnds: FrontEnds, stages: OnnxSession, audio: OnnxSession) {
    this.#frontEnds = frontEnds;
    this.#labels = clips.cache.clips.map(({ label }) => label);
    this.#stages = stages;
    this.#audio = audio;
    const { sampleRateHz, frames } = frontEnds.audio;
    const frontEnd = new LogMelFrontEnd(frontEnds.audio);
    const samples = Math.round(clips.cache.spec.segmentSec * sampleRateHz);
    const backgrounds = Array.from(
      { length: AMBIENCE_COUNT },
      (_, i) => frontEnd.compute(ambience(i, 'train', samples, sampleRateHz), frames).data,
    );
    this.#renderer = new SceneRenderer(clips, frontEnds, mapSide(frontEnds.video), backgrounds);
  }

  /** @param network whose towers are frozen */
  static async open(network: TwoTowerNetwork, frontEnds: FrontEnds, clips: SceneClips): Promise<HeadBatches> {
    const stages = await OnnxSession.open(towerStagesGraph(network.video));
    const audio = await OnnxSession.open(audioTowerGraph(network.audio));
    return new HeadBatches(clips, frontEnds, stages, audio);
  }

  /** Adds the frames of new scenes; the oldest examples make room for them. */
  async add(scenes: number, framesPerScene: number, seed: string): Promise<void> {
    const random = new SeededRandom(seed);
    const rendered = Array.from({ length: scenes }, () => {
      const scene = planScene(this.#labels, AMBIENCE_COUNT, random);
      return this.#renderer.render(scene, framesPerScene, random);
    });
    const { video } = this.#frontEnds;
    const logMels = rendered.map((scene) => this.#normalised(scene.logMel));
    const pictures = rendered.flatMap((scene) =>
      scene.frames.map((frame) => normalisedFrames(frame, video, [0])),
    );
    const stages = await this.#stages.run({
      frames: { data: joined(pictures), shape: [pictures.length, video.height, video.width, 3] },
    });
    const made: HeadBatch = {
      ...(stages as Pick<HeadBatch, 'quarter' | 'eighth' | 'map' | 'positions'>),
      ...this.#truths(rendered),
      evidence: this.#evidence(rendered, logMels),
      audio: await this.#heard(logMels, framesPerScene),
    };
    for (const part of PARTS) this.#shapes[part] = made[part].shape.slice(1);
    for (let i = 0; i < pictures.length; i++) {
      const entries = PARTS.map((part) => [part, rowOf(made[part], i)] as const);
      this.#examples.push(Object.fromEntries(entries) as Example);
    }
    this.#examples.splice(0, Math.max(0, this.#examples.length - CAPACITY));
  }

  /** Some of the examples, none twice. */
  draw(count: number, seed: string): HeadBatch {
    const random = new SeededRandom(seed);
    const chosen = random.shuffle([...this.#examples]).slice(0, count);
    const entries = PARTS.map((part) => {
      const data = joined(chosen.map((example) => example[part]));
      const shape: number[] = [chosen.length, ...(this.#shapes[part] ?? [])];
      return [part, { data, shape }] as const;
    });
    return Object.fromEntries(entries) as HeadBatch;
  }

  dispose(): void {
    void Promise.allSettled([this.#stages.dispose(), this.#audio.dispose()]);
  }

  #normalised(logMel: Float32Array): Float32Array {
    const { mean, deviation } = this.#frontEnds.audio.normalization;
    return logMel.map((value) => (value - mean) / deviation);
  }

  #truths(scenes: readonly RenderedScene[]): Pick<HeadBatch, 'truth'> {
    const side = mapSide(this.#frontEnds.video);
    const data = joined(scenes.flatMap((scene) => scene.truths));
    return { truth: { data, shape: [data.length / (side * side), side, side] } };
  }

  #evidence(scenes: readonly RenderedScene[], logMels: readonly Float32Array[]): HeadBatch['evidence'] {
    const { audio, video } = this.#frontEnds;
    const side = mapSide(video);
    const parts = scenes.map(({ movement, steps, chosen }, i) => {
      const logMel = logMels[i] as Float32Array;
      const course = soundCourse(logMel, audio.bands, 1 / (video.rateHz * audio.hopSec), steps);
      return motionEvidence(movement, steps, course, chosen);
    });
    const data = joined(parts);
    const cells = side * side * EVIDENCE_CHANNELS;
    return { data, shape: [data.length / cells, side, side, EVIDENCE_CHANNELS] };
  }

  /** The sounds' embeddings, each as often as it has frames. */
  async #heard(logMels: readonly Float32Array[], framesPerScene: number): Promise<HeadBatch['audio']> {
    const { frames, bands } = this.#frontEnds.audio;
    const shape = [logMels.length, frames, bands, 1];
    const { embedding } = await this.#audio.run({ log_mel: { data: joined(logMels), shape } }, ['embedding']);
    const { data, shape: of } = embedding as OnnxTensor;
    const dimension = of[1] as number;
    const rows = logMels.flatMap((_, i) =>
      Array.from({ length: framesPerScene }, () =>
        (data as Float32Array).subarray(i * dimension, (i + 1) * dimension),
      ),
    );
    return { data: joined(rows), shape: [rows.length, dimension] };
  }
}

function rowOf({ data, shape }: HeadBatch[Part], row: number): Float32Array {
  const size = data.length / (shape[0] as number);
  return data.slice(row * size, (row + 1) * size);
}

function joined(parts: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}
