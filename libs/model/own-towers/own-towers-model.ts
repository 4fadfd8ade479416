/** A model folder of the user's own: `model.json` and two ONNX graphs, answering as an `EmbeddingModel`. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { EarshotError } from '#core/errors';
import type { OnnxManifest } from '../checkpoint/manifest.ts';
import type {
  AudioInputSpec,
  EmbeddingModel,
  FrameBlock,
  ModelIdentity,
  SegmentPlan,
  VideoInputSpec,
} from '../embedding-model.ts';
import { type AudioFrontEnd, audioFrontEnd } from './audio-input.ts';
import { GraphTower, type InputItems } from './graph-tower.ts';
import { onnxIdentity } from './identity.ts';
import { VideoFrontEnd } from './video-input.ts';

interface Towers {
  audio: GraphTower;
  video: GraphTower;
}

interface OwnFrontEnds {
  audio: AudioFrontEnd;
  video: VideoFrontEnd;
}

export class OwnTowersModel implements EmbeddingModel {
  readonly identity: ModelIdentity;
  readonly segments: SegmentPlan;
  readonly audioInput: AudioInputSpec;
  readonly videoInput: VideoInputSpec;
  readonly #frontEnds: OwnFrontEnds;
  readonly #towers: Towers;

  private constructor(manifest: OnnxManifest, frontEnds: OwnFrontEnds, towers: Towers) {
    this.#frontEnds = frontEnds;
    this.#towers = towers;
    this.identity = onnxIdentity(manifest);
    this.segments = manifest.segments;
    this.audioInput = { sampleRateHz: manifest.frontEnds.audio.sampleRateHz };
    const { rateHz, width, height, fit } = manifest.frontEnds.video;
    this.videoInput = { rateHz, width, height, fit };
  }

  /**
   * Opens both graphs, and tries them out on zeros.
   *
   * @throws EarshotError `checkpoint_invalid` for a file that is missing or not the one whose checksum is stated,
   *   `model_invalid` for one that is no graph or does not fit its description
   */
  static async load(folder: string, manifest: OnnxManifest): Promise<OwnTowersModel> {
    const { dimension, segments } = manifest;
    const frontEnds = {
      audio: audioFrontEnd(manifest.frontEnds.audio, segments.lengthSec),
      video: new VideoFrontEnd(manifest.frontEnds.video),
    };
    for (const tower of ['audio', 'video'] as const) await checkFile(folder, manifest, tower);
    const openTower = (tower: 'audio' | 'video') => {
      const { file, input, output } = manifest.towers[tower];
      const items = frontEnds[tower].input;
      return GraphTower.open({ file: path.join(folder, file), input, output, items, dimension });
    };
    const audio = await openTower('audio');
    try {
      return new OwnTowersModel(manifest, frontEnds, { audio, video: await openTower('video') });
    } catch (error) {
      await audio.dispose();
      throw error;
    }
  }

  async embedAudio(waveforms: readonly Float32Array[]): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (const waveform of waveforms) {
      vectors.push(await this.#embed(this.#towers.audio, this.#frontEnds.audio.items(waveform)));
    }
    return vectors;
  }

  async embedVideo(blocks: readonly FrameBlock[]): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    for (const block of blocks) {
      vectors.push(await this.#embed(this.#towers.video, this.#frontEnds.video.items(block)));
    }
    return vectors;
  }

  dispose(): void {
    // Nobody waits for memory to be given back; a session that is gone already has nothing to give.
    void Promise.allSettled([this.#towers.audio.dispose(), this.#towers.video.dispose()]);
  }

  async #embed(tower: GraphTower, items: InputItems): Promise<Float32Array> {
    return unitMean(await tower.run(items), this.identity.dimension);
  }
}

/** The mean of the rows, scaled to unit length; all zeros stay zeros. */
function unitMean(rows: Float32Array, dimension: number): Float32Array {
  const sums = new Float64Array(dimension);
  for (let i = 0; i < rows.length; i++) {
    const at = i % dimension;
    sums[at] = (sums[at] as number) + (rows[i] as number);
  }
  const length = Math.hypot(...sums);
  return length === 0 ? new Float32Array(dimension) : Float32Array.from(sums, (sum) => sum / length);
}

/** @throws EarshotError `checkpoint_invalid` */
async function checkFile(folder: string, manifest: OnnxManifest, tower: 'audio' | 'video'): Promise<void> {
  const stated = manifest.towers[tower];
  const file = path.join(folder, stated.file);
  const fail = (text: string, cause?: unknown) =>
    new EarshotError('checkpoint_invalid', text, { subject: file, cause });
  const unreadable = `The ${tower} tower ${file} can't be read: put the file there, or correct towers.${tower}.file in model.json.`;
  try {
    const handle = await open(file);
    const isFile = (await handle.stat()).isFile();
    await handle.close();
    if (!isFile) throw fail(unreadable);
  } catch (error) {
    throw error instanceof EarshotError ? error : fail(unreadable, error);
  }
  if (stated.sha256 === undefined) return;
  // In pieces: such a file can be larger than what is sensible to hold in memory twice.
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  if (hash.digest('hex') !== stated.sha256) {
    throw fail(
      `${file} does not have the sha256 that model.json states: copy the file again, or correct towers.${tower}.sha256.`,
    );
  }
}
