/**
 * The `concept` model: two pretrained classifiers that never saw each other, one table of concepts between them, and
 * words. Sound, picture and text become unit vectors of one space (see `space.ts`).
 */
import { EarshotError } from '#core/errors';
import { joined } from '#core/joined';
import { readCheckedFile } from '../checkpoint/checkpoint.ts';
import type { ConceptManifest } from '../checkpoint/manifest.ts';
import type {
  AudioInputSpec,
  EmbeddingModel,
  FrameBlock,
  LocalizationRequest,
  ModelIdentity,
  SegmentPlan,
  TextEmbedding,
  VideoInputSpec,
} from '../embedding-model.ts';
import type { SegmentLocalization } from '../localization/localizer.ts';
import type { SegmentSources } from '../localization/source-localizer.ts';
import { conceptCalibration } from './calibration.ts';
import { AUDIO_CLASS_COUNT, IMAGE_CLASS_COUNT, parseClassMap, parseLabelList } from './class-names.ts';
import { correctedAxes, type LearnedSounds, learnedSounds, SOUND_EMBEDDING_SIZE } from './learned-sounds.ts';
import { conceptMapCalibration } from './map-calibration.ts';
import { type ConceptScene, conceptLocalization, conceptSources, placeLogits } from './maps.ts';
import { audioConceptScores, meanOfPatches, videoConceptScores } from './scores.ts';
import { ConceptProjection, calibrate, type TowerCalibration } from './space.ts';
import { type ConceptTable, conceptTable, sightClasses, soundClasses, type WeightedClass } from './table.ts';
import { ConceptWords } from './text.ts';
import { AudioClassifier, PictureClassifier } from './towers.ts';

/** Shares of the kernel that come from the last layers; the rest keeps each concept by itself. */
const AUDIO_KINSHIP = 0.05;
const VIDEO_KINSHIP = 0.2;

interface Parts {
  table: ConceptTable;
  audio: AudioClassifier;
  video: PictureClassifier;
  sounds: WeightedClass[][];
  sights: WeightedClass[][];
  projection: ConceptProjection;
}

/** A sound as the network hears it. */
export interface HeardSound {
  /** How strongly each concept is heard, in [0, 1], before calibration. */
  scores: Float64Array;
  /** Mean over the patches, `[1024]`. */
  embedding: Float64Array;
}

/**
 * What the model is, without its weights: the hashes of the table, of the calibration and of what was learned about
 * sounds are part of the version.
 */
export function conceptIdentity({ id, version }: ConceptManifest): ModelIdentity {
  const { table, hash } = conceptTable();
  const calibration = conceptCalibration(table);
  const learned = learnedSounds(table);
  return {
    ...{ id, version: `${version}+${hash}${calibration.hash}${learned.hash}` },
    dimension: table.concepts.length,
  };
}

export class ConceptModel implements EmbeddingModel {
  readonly identity: ModelIdentity;
  readonly segments: SegmentPlan;
  readonly audioInput: AudioInputSpec;
  readonly videoInput: VideoInputSpec;
  /** Names of the space's concepts, in the order of scores. */
  readonly concepts: readonly string[];
  readonly #parts: Parts;
  readonly #words: ConceptWords;
  readonly #looked = new WeakMap<LocalizationRequest, Promise<ConceptScene>>();
  readonly #calibration: { audio: TowerCalibration; video: TowerCalibration };
  readonly #learned: LearnedSounds;

  private constructor(manifest: ConceptManifest, parts: Parts) {
    this.#parts = parts;
    this.identity = conceptIdentity(manifest);
    this.segments = manifest.segments;
    this.audioInput = manifest.frontEnds.audio;
    this.videoInput = manifest.frontEnds.video;
    this.concepts = parts.table.concepts.map(({ name }) => name);
    this.#words = new ConceptWords(parts.table);
    this.#calibration = conceptCalibration(parts.table);
    this.#learned = learnedSounds(parts.table);
  }

  /** @throws EarshotError `checkpoint_invalid` for a missing or damaged file, `model_invalid` */
  static async load(folder: string, manifest: ConceptManifest): Promise<ConceptModel> {
    const { towers } = manifest;
    const text = async (file: { file: string; sha256: string }) =>
      new TextDecoder().decode(await readCheckedFile(folder, file));
    const { table } = conceptTable();
    const audio = await AudioClassifier.load(await readCheckedFile(folder, towers.audio), towers.audio.file);
    const video = await PictureClassifier.load(
      await readCheckedFile(folder, towers.video),
      towers.video.file,
    );
    const sounds = soundClasses(table, parseClassMap(await text(towers.audioClasses)));
    const sights = sightClasses(table, parseLabelList(await text(towers.videoClasses)));
    const projection = new ConceptProjection([
      { vectors: audio.classVectors, classes: sounds, share: AUDIO_KINSHIP },
      { vectors: video.classVectors, classes: sights, share: VIDEO_KINSHIP },
    ]);
    return new ConceptModel(manifest, { table, audio, video, sounds, sights, projection });
  }

  async embedAudio(waveforms: readonly Float32Array[]): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (const waveform of waveforms) {
      vectors.push(this.vectorOf(this.heardAxes(await this.hear(waveform))));
    }
    return vectors;
  }

  async embedVideo(blocks: readonly FrameBlock[]): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (const block of blocks) {
      vectors.push(this.vectorOf(this.seenAxes(await this.videoConcepts(block))));
    }
    return vectors;
  }

  /** @throws EarshotError `invalid_argument` for a text that names nothing the model knows */
  async embedText(texts: readonly string[]): Promise<TextEmbedding[]> {
    return texts.map((text) => {
      const { concepts, unknownWords } = this.#words.read(text);
      const axes = new Float64Array(this.concepts.length);
      for (const { name, weight } of concepts) axes[this.concepts.indexOf(name)] = weight;
      const understood = concepts.map(({ name }) => name);
      return { vector: this.vectorOf(axes), understood, unknownWords };
    });
  }

  /** Where what is heard is seen; `query`: where another sound would belong. */
  async localize(request: LocalizationRequest): Promise<SegmentLocalization> {
    return conceptLocalization(await this.#lookedAt(request), request.query, conceptMapCalibration());
  }

  /** Which concepts are heard and seen, and where. */
  async localizeSources(request: LocalizationRequest): Promise<SegmentSources> {
    return conceptSources(await this.#lookedAt(request), this.concepts, conceptMapCalibration());
  }

  /** A segment's sound, and each position of the frames asked about, in the concepts' space. */
  async sceneOf({ waveform, block, frames }: LocalizationRequest): Promise<ConceptScene> {
    this.#checkBlock(block);
    const { width, height } = this.videoInput;
    const { video, sights } = this.#parts;
    const size = width * height * 3;
    const heardConcepts = this.heardAxes(await this.hear(waveform));
    const scene: ConceptScene = {
      ...{ waveform, heardConcepts, heard: this.vectorOf(heardConcepts) },
      frames: [],
    };
    for (const frame of frames) {
      const seen = await video.see(block.data.subarray(frame * size, (frame + 1) * size), width, height);
      const concepts = placeLogits(seen, video.classVectors).map((logits) =>
        this.seenAxes(videoConceptScores(logits, IMAGE_CLASS_COUNT, sights)),
      );
      const vectors = concepts.map((axes) => this.vectorOf(axes));
      scene.frames.push({ width: seen.mapWidth, height: seen.mapHeight, vectors, concepts });
    }
    return scene;
  }

  /** Of one request once, whichever questions are asked of it. */
  #lookedAt(request: LocalizationRequest): Promise<ConceptScene> {
    const known = this.#looked.get(request) ?? this.sceneOf(request);
    this.#looked.set(request, known);
    return known;
  }

  async hear(waveform: Float32Array): Promise<HeardSound> {
    const { scores, embeddings } = await this.#parts.audio.hear(waveform);
    return {
      scores: audioConceptScores(scores, AUDIO_CLASS_COUNT, this.#parts.sounds),
      embedding: meanOfPatches(embeddings, SOUND_EMBEDDING_SIZE),
    };
  }

  /** How strongly each concept is seen, in [0, 1], before calibration: the mean over frames and views. */
  async videoConcepts(block: FrameBlock): Promise<Float64Array> {
    this.#checkBlock(block);
    const { data, count } = block;
    const { width, height } = this.videoInput;
    const size = width * height * 3;
    const frames: Float32Array[] = [];
    for (let i = 0; i < count; i++) {
      frames.push(await this.#parts.video.classify(data.subarray(i * size, (i + 1) * size), width, height));
    }
    return videoConceptScores(joined(frames), IMAGE_CLASS_COUNT, this.#parts.sights);
  }

  /**
   * Scores as the space compares them: about 0 where a concept is heard as much as on ordinary material. What the
   * embedding says besides is added.
   */
  heardAxes({ scores, embedding }: HeardSound): Float64Array {
    return correctedAxes(this.scoreAxes(scores), this.#learned.correction(embedding));
  }

  /** The same by the classes' scores alone, which is what the correction is learned on top of. */
  scoreAxes(scores: ArrayLike<number>): Float64Array {
    return calibrate(scores, this.#calibration.audio);
  }

  /** About 0 where a concept is seen as much as on ordinary material. */
  seenAxes(scores: ArrayLike<number>): Float64Array {
    return calibrate(scores, this.#calibration.video);
  }

  /** The embedding of calibrated scores: a unit vector, `[concepts]`. */
  vectorOf(axes: Float64Array): Float32Array {
    return this.#parts.projection.project(axes);
  }

  /** The networks themselves: class scores, embeddings and the feature map. */
  get classifiers(): { audio: AudioClassifier; video: PictureClassifier } {
    return { audio: this.#parts.audio, video: this.#parts.video };
  }

  #checkBlock({ data, count }: FrameBlock): void {
    const { width, height } = this.videoInput;
    if (count >= 1 && data.length === count * width * height * 3) return;
    const message = `Frames of ${width}x${height} RGB are needed, at least one a segment.`;
    throw new EarshotError('shape_mismatch', message);
  }

  dispose(): void {
    // Nobody waits for memory to be given back; a session that is gone already has nothing to give.
    void Promise.allSettled([this.#parts.audio.dispose(), this.#parts.video.dispose()]);
  }
}
