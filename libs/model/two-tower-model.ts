/** A trained two-tower checkpoint, answering as an `EmbeddingModel`. */
import { EarshotError } from '#core/errors';
import type { LocalizationCalibration, ModelManifest } from './checkpoint/manifest.ts';
import type { StoredSynchronization } from './checkpoint/synchronization.ts';
import type {
  AudioInputSpec,
  EmbeddingModel,
  FrameBlock,
  LocalizationRequest,
  ModelIdentity,
  SegmentPlan,
  VideoInputSpec,
} from './embedding-model.ts';
import { LogMelFrontEnd } from './front-ends/log-mel.ts';
import { logMelBatch } from './front-ends/log-mel-batch.ts';
import { videoBatch } from './front-ends/video-batch.ts';
import { meanOfViews, viewCount, viewedBatch } from './front-ends/views.ts';
import { boxShaped } from './localization/box-shape.ts';
import { type LocalizationInput, localizationInput, mapSide } from './localization/localization-input.ts';
import { type Localizer, type SegmentLocalization, segmentLocalization } from './localization/localizer.ts';
import {
  type SegmentSources,
  type SourceLocalizer,
  segmentSources,
} from './localization/source-localizer.ts';
import { keepClassesInStep, keepInStep, synchronyInput } from './localization/synchrony.ts';
import {
  checkBySession,
  type SynchronizationAnswer,
  type SynchronizationScene,
} from './synchronization/check-synchronization.ts';
import { SynchronizationSession } from './synchronization/head-session.ts';
import type { PlaceEvidence } from './synchronization/synchronization-head.ts';
import type { TowerBackend, TowerResult, VideoTowerResult } from './towers/tower-backend.ts';

/** Segments a forward pass: bounds memory, large enough that per-call costs vanish. */
const BATCH = 8;

/** What a model may have beside its towers. */
interface ModelHeads {
  synchronization: StoredSynchronization | null;
  openLocalizer: (() => Promise<Localizer>) | null;
  openSourceLocalizer: (() => Promise<SourceLocalizer>) | null;
}

/** A segment as the heads that localize take it. */
interface LookedAt {
  heard: TowerResult;
  input: LocalizationInput;
  /** Which places move as the sound goes; null where that is not asked for, or the model can't tell. */
  evidence: PlaceEvidence | null;
}

const NO_HEADS: ModelHeads = { synchronization: null, openLocalizer: null, openSourceLocalizer: null };

export class TwoTowerEmbeddingModel implements EmbeddingModel {
  readonly identity: ModelIdentity;
  readonly segments: SegmentPlan;
  readonly audioInput: AudioInputSpec;
  readonly videoInput: VideoInputSpec;
  readonly colourEveryFrames: number;
  readonly #manifest: ModelManifest;
  readonly #towers: TowerBackend;
  readonly #frontEnd: LogMelFrontEnd;
  readonly #openLocalizer: (() => Promise<Localizer>) | null;
  readonly #synchronization: StoredSynchronization | null;
  #session: Promise<SynchronizationSession> | null = null;
  #placesSession: Promise<SynchronizationSession> | null = null;
  readonly #looked = new WeakMap<LocalizationRequest, Promise<LookedAt>>();
  /** Where all that is heard comes from, as the localization head answers it. */
  readonly #heardFrom = new WeakMap<LocalizationRequest, Promise<SegmentLocalization>>();
  #localizer: Promise<Localizer> | null = null;
  #sourceLocalizer: Promise<SourceLocalizer> | null = null;
  readonly localizeSources?: (request: LocalizationRequest) => Promise<SegmentSources>;
  readonly checkSynchronization?: (scene: SynchronizationScene) => Promise<SynchronizationAnswer>;

  /**
   * @param towers taken over: disposed of with the model
   * @param heads  `synchronization`, and what opens the heads that localize when they are first needed; null where the
   *   model has no such head
   */
  constructor(manifest: ModelManifest, towers: TowerBackend, heads: ModelHeads = NO_HEADS) {
    const { synchronization, openLocalizer, openSourceLocalizer } = heads;
    this.#openLocalizer = openLocalizer;
    this.#synchronization = synchronization;
    this.#manifest = manifest;
    this.#towers = towers;
    this.identity = { id: manifest.id, version: manifest.version, dimension: manifest.dimension };
    this.segments = manifest.segments;
    this.audioInput = { sampleRateHz: manifest.frontEnds.audio.sampleRateHz };
    const { rateHz, width, height, fit } = manifest.frontEnds.video;
    this.videoInput = { rateHz, width, height, fit };
    this.colourEveryFrames = manifest.frontEnds.video.colourEveryFrames;
    this.#frontEnd = new LogMelFrontEnd(manifest.frontEnds.audio);
    if (openSourceLocalizer)
      this.localizeSources = async (request) => {
        this.#sourceLocalizer ??= openSourceLocalizer();
        return this.#findSources(await this.#sourceLocalizer, request);
      };
    if (synchronization) {
      const { leastSynchronizability } = synchronization;
      this.checkSynchronization = async (scene) =>
        checkBySession(await this.#synchrony(), scene, leastSynchronizability);
    }
  }

  async embedAudio(waveforms: readonly Float32Array[]): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (let start = 0; start < waveforms.length; start += BATCH) {
      vectors.push(...(await this.#audioBatch(waveforms.slice(start, start + BATCH))));
    }
    return vectors;
  }

  async embedVideo(blocks: readonly FrameBlock[]): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    // Only blocks of one length share a forward pass; most do, so runs of equal length are batched.
    for (let start = 0; start < blocks.length; ) {
      let end = start + 1;
      while (end < blocks.length && end - start < BATCH && blocks[end]?.count === blocks[start]?.count) end++;
      vectors.push(...(await this.#videoBatch(blocks.slice(start, end))));
      start = end;
    }
    return vectors;
  }

  audioFeatures(waveform: Float32Array): Promise<TowerResult> {
    return this.#runAudio([waveform]);
  }

  async videoFeatures(block: FrameBlock, mapFrames: readonly number[]): Promise<VideoTowerResult> {
    this.#checkBlock(block);
    const { frontEnds, towers } = this.#manifest;
    return this.#towers.video(videoBatch([block], frontEnds.video, towers.video.motion), 1, mapFrames);
  }

  async localize(request: LocalizationRequest): Promise<SegmentLocalization> {
    const { id, calibration } = this.#manifest;
    if (!this.#openLocalizer || !calibration?.localization) {
      const message = `The model "${id}" has no localization head: train one with \`earshot train --head localization\`.`;
      throw new EarshotError('not_trained', message, { subject: id });
    }
    const { query } = request;
    const { side, confidence, maps } = await (query
      ? this.#comesFrom(request, query)
      : this.#whereHeard(request));
    const { evidence } = await this.#lookedAt(request);
    // Another sound than the one that is heard goes with nothing that moves here.
    const told = (map: Float32Array) => (evidence && !query ? keepInStep(map, side, evidence) : map);
    const { mapThreshold } = calibration.localization;
    return { side, confidence, maps: maps.map((map) => boxShaped(told(map), side, mapThreshold)) };
  }

  /** The same before anything is made of it; of one request it is asked once. */
  #whereHeard(request: LocalizationRequest): Promise<SegmentLocalization> {
    const known = this.#heardFrom.get(request) ?? this.#comesFrom(request, null);
    this.#heardFrom.set(request, known);
    return known;
  }

  /** @param query another sound than what is heard */
  async #comesFrom(request: LocalizationRequest, query: Float32Array | null): Promise<SegmentLocalization> {
    const { frontEnds, calibration } = this.#manifest;
    this.#localizer ??= (this.#openLocalizer as () => Promise<Localizer>)();
    const localizer = await this.#localizer;
    const { heard, input } = await this.#lookedAt(request);
    const logits = await localizer.logits(input, query ?? heard.embedding.data);
    const { localization } = calibration as { localization: LocalizationCalibration };
    return segmentLocalization(logits, mapSide(frontEnds.video), request.waveform, localization);
  }

  async #findSources(localizer: SourceLocalizer, request: LocalizationRequest): Promise<SegmentSources> {
    const { id, frontEnds, calibration, heads } = this.#manifest;
    if (!calibration?.grouping || !heads?.grouping) {
      const message = `The grouping head of "${id}" has no calibration: train it again.`;
      throw new EarshotError('model_invalid', message, { subject: id });
    }
    const { heard, input, evidence } = await this.#lookedAt(request);
    const logits = await localizer.logits(input, heard.steps.data);
    const { labels } = heads.grouping;
    const side = mapSide(frontEnds.video);
    const all = this.#openLocalizer && calibration.localization ? await this.#whereHeard(request) : null;
    const sounding = all?.maps ?? null;
    const context = { labels, side, samples: request.waveform, sounding, asked: request.labels };
    const found = segmentSources(logits, context, calibration.grouping);
    if (evidence) keepClassesInStep(found, evidence, calibration.grouping.threshold);
    return found;
  }

  /** What both heads that localize start from; of one request it is made once. */
  #lookedAt(request: LocalizationRequest): Promise<LookedAt> {
    const known = this.#looked.get(request) ?? this.#lookAt(request);
    this.#looked.set(request, known);
    return known;
  }

  async #lookAt({ waveform, block, frames, synchrony = true }: LocalizationRequest): Promise<LookedAt> {
    const { frontEnds } = this.#manifest;
    this.#checkBlock(block);
    const logMel = logMelBatch(this.#frontEnd, [waveform], frontEnds.audio);
    const moving = synchrony && this.#synchronization ? synchronyInput(frontEnds, waveform, block) : null;
    return {
      heard: await this.#towers.audio(logMel, 1),
      input: localizationInput(block, logMel, frontEnds, frames),
      evidence: moving
        ? await (await this.#synchronyOfPlaces()).placeEvidence(moving.sound, moving.motion)
        : null,
    };
  }

  /** Opened when it is first asked. */
  #synchrony(): Promise<SynchronizationSession> {
    this.#session ??= SynchronizationSession.open((this.#synchronization as StoredSynchronization).head);
    return this.#session;
  }

  /** The same of the head that tells places apart. */
  #synchronyOfPlaces(): Promise<SynchronizationSession> {
    const { head } = this.#synchronization as StoredSynchronization;
    if (head.places === head) return this.#synchrony();
    this.#placesSession ??= SynchronizationSession.open(head.places);
    return this.#placesSession;
  }

  dispose(): void {
    this.#towers.dispose();
    for (const opened of [this.#localizer, this.#sourceLocalizer, this.#session, this.#placesSession])
      void opened?.then((opened) => opened.dispose()).catch(() => undefined);
  }

  async #audioBatch(waveforms: readonly Float32Array[]): Promise<Float32Array[]> {
    return this.#rows((await this.#runAudio(waveforms)).embedding.data);
  }

  #runAudio(waveforms: readonly Float32Array[]): Promise<TowerResult> {
    const input = logMelBatch(this.#frontEnd, waveforms, this.#manifest.frontEnds.audio);
    return this.#towers.audio(input, waveforms.length);
  }

  async #videoBatch(blocks: readonly FrameBlock[]): Promise<Float32Array[]> {
    const spec = this.#manifest.frontEnds.video;
    for (const block of blocks) this.#checkBlock(block);
    const views = viewCount(spec);
    const input = viewedBatch(blocks, spec, this.#manifest.towers.video.motion);
    const { embedding } = await this.#towers.video(input, views * blocks.length);
    return this.#rows(meanOfViews(embedding.data, views, this.identity.dimension));
  }

  #checkBlock({ count, data }: FrameBlock): void {
    const { width, height } = this.#manifest.frontEnds.video;
    if (count >= 1 && data.length === count * width * height * 3) return;
    const message = `Frames of ${width}x${height} RGB are needed, at least one a segment.`;
    throw new EarshotError('shape_mismatch', message);
  }

  #rows(data: Float32Array): Float32Array[] {
    const { dimension } = this.identity;
    return Array.from({ length: data.length / dimension }, (_, i) =>
      data.slice(i * dimension, (i + 1) * dimension),
    );
  }
}
