/** Scenes through the frozen towers: what heads on top of them learn from. */
import { joined } from '#core/joined';
import type { SeededRandom } from '#core/random';
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
import type { Scene } from './scene-plan.ts';

/** Backgrounds that are mixed in or stand for a sound without a source. */
export const AMBIENCE_COUNT = 48;

/** Row by row. */
export interface Rows {
  data: Float32Array;
  shape: number[];
}

const STAGES = ['quarter', 'eighth', 'map', 'positions'] as const;
type Stage = (typeof STAGES)[number];

export interface MadeScenes {
  rendered: RenderedScene[];
  /** Of all frames of all scenes, channels last. */
  frames: Record<Stage | 'evidence', Rows>;
  /** Normalised, likewise. */
  pictures: Float32Array[];
  /** Of each scene. */
  heard: { embedding: Rows; steps: Rows };
}

export class SceneFeatures {
  /** Class of each clip. */
  readonly labels: string[];
  readonly #frontEnds: FrontEnds;
  readonly #renderer: SceneRenderer;
  readonly #stages: OnnxSession;
  readonly #audio: OnnxSession;

  private constructor(clips: SceneClips, frontEnds: FrontEnds, stages: OnnxSession, audio: OnnxSession) {
    this.#frontEnds = frontEnds;
    this.labels = clips.cache.clips.map(({ label }) => label);
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
  static async open(
    network: TwoTowerNetwork,
    frontEnds: FrontEnds,
    clips: SceneClips,
  ): Promise<SceneFeatures> {
    const stages = await OnnxSession.open(towerStagesGraph(network.video));
    const audio = await OnnxSession.open(audioTowerGraph(network.audio));
    return new SceneFeatures(clips, frontEnds, stages, audio);
  }

  /** @param plan of one scene; it and its rendering take turns at the random numbers */
  async make(
    scenes: number,
    framesPerScene: number,
    random: SeededRandom,
    plan: (random: SeededRandom) => Scene,
  ): Promise<MadeScenes> {
    const rendered = Array.from({ length: scenes }, () =>
      this.#renderer.render(plan(random), framesPerScene, random),
    );
    const { video } = this.#frontEnds;
    const logMels = rendered.map((scene) => this.#normalised(scene.logMel));
    const pictures = rendered.flatMap((scene) =>
      scene.frames.map((frame) => normalisedFrames(frame, video, [0])),
    );
    const stages = await this.#stages.run({
      frames: { data: joined(pictures), shape: [pictures.length, video.height, video.width, 3] },
    });
    return {
      rendered,
      frames: { ...(stages as Record<Stage, Rows>), evidence: this.#evidence(rendered, logMels) },
      ...{ pictures, heard: await this.#heard(logMels) },
    };
  }

  dispose(): void {
    void Promise.allSettled([this.#stages.dispose(), this.#audio.dispose()]);
  }

  #normalised(logMel: Float32Array): Float32Array {
    const { mean, deviation } = this.#frontEnds.audio.normalization;
    return logMel.map((value) => (value - mean) / deviation);
  }

  #evidence(scenes: readonly RenderedScene[], logMels: readonly Float32Array[]): Rows {
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

  async #heard(logMels: readonly Float32Array[]): Promise<MadeScenes['heard']> {
    const { frames, bands } = this.#frontEnds.audio;
    const shape = [logMels.length, frames, bands, 1];
    const answer = await this.#audio.run({ log_mel: { data: joined(logMels), shape } });
    const rows = (tensor: OnnxTensor | undefined) => tensor as Rows;
    return { embedding: rows(answer.embedding), steps: rows(answer.steps) };
  }
}

/** One of the first axis' entries, a copy. */
export function rowOf({ data, shape }: Rows, row: number): Float32Array {
  const size = data.length / (shape[0] as number);
  return data.slice(row * size, (row + 1) * size);
}
