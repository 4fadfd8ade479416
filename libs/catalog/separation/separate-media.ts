/** Separation from file to files, in constant memory: decode, separate window by window, write. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { decodeFrames } from '#media/decode';
import type { PictureRegion } from '#media/filters';
import type { MediaInfo } from '#media/probe';
import { WavWriter } from '#media/wav-writer';
import type { PixelBlock } from '#model/front-ends/video-batch';
import { separateBlocks } from '#model/separation/overlap-add';
import { withoutPart } from '#model/separation/rest-of-picture';
import type { SeparationModel, VisualGuide } from '#model/separation/separation-model';
import type { Separation } from '../catalog-service.ts';
import { MediaFeed } from './media-feed.ts';
import { SpectrogramPicture } from './spectrogram-picture.ts';

export interface MediaPart {
  file: string;
  info: MediaInfo;
  startSec: number;
  endSec: number;
}

export interface SeparationJob {
  mixture: MediaPart;
  /** Null: the mixture's own picture. */
  like: MediaPart | null;
  /** Of the picture that guides; null: all of it. */
  region: PictureRegion | null;
  /** Where the files go; it is made where it isn't there. */
  folder: string;
}

export interface SeparationOptions {
  /** Asked between windows: true stops the work. */
  isStopped?(): boolean;
  /** 0..1 */
  onProgress?(part: number): void;
}

const FILES = { target: 'target.wav', residual: 'residual.wav', picture: 'spectrograms.png' };

/**
 * @throws EarshotError what decoding says; `cancelled`; `invalid_argument` for a sample rate below 4 kHz. Nothing is
 *   left behind then.
 */
export async function separateMedia(
  job: SeparationJob,
  model: SeparationModel,
  options: SeparationOptions = {},
): Promise<Separation> {
  const { mixture, folder } = job;
  const sound = mixture.info.audio;
  if (!sound)
    throw new EarshotError('modality_missing', `The file ${mixture.file} has no sound to separate.`);
  const { sampleRateHz, channels } = sound;
  const feed = new MediaFeed(mixture.file, feedOptions(job, model, sampleRateHz), channels);
  const files = Object.fromEntries(
    Object.entries(FILES).map(([kind, name]) => [kind, path.join(folder, name)]),
  ) as typeof FILES;
  await mkdir(folder, { recursive: true });
  const writers: WavWriter[] = [];
  try {
    for (const file of [files.target, files.residual]) {
      writers.push(await WavWriter.create(file, { sampleRateHz, channels }));
    }
    const written = await separateInto(job, feed, writers, files.picture, { model, ...options });
    for (const writer of writers) await writer.finish();
    return { ...files, sampleRateHz, channels, ...written };
  } catch (error) {
    await Promise.all(writers.map((writer) => writer.discard()));
    for (const file of Object.values(files)) await rm(file, { force: true });
    throw error;
  } finally {
    await feed.close();
  }
}

function feedOptions({ mixture, like, region }: SeparationJob, model: SeparationModel, sampleRateHz: number) {
  const { rateHz, width, height, fit } = model.manifest.guide.video;
  const { info, startSec, endSec } = mixture;
  return {
    ...(like === null && {
      frames: { rateHz, width, fit, ...(region ? beside(region, height) : { height }) },
    }),
    samples: { sampleRateHz, channels: 'all' as const },
    ...{ info, startSec, endSec },
  };
}

/** The region, and below it the whole picture, of which the rest will be looked at. */
function beside(region: PictureRegion, height: number) {
  return { height: 2 * height, parts: [region, null] };
}

async function separateInto(
  job: SeparationJob,
  feed: MediaFeed,
  [target, residual]: readonly WavWriter[],
  pictureFile: string,
  { model, isStopped, onProgress }: SeparationOptions & { model: SeparationModel },
): Promise<{ durationSec: number; targetShare: number }> {
  const { mixture, like } = job;
  const { sampleRateHz, channels } = mixture.info.audio as NonNullable<MediaInfo['audio']>;
  const picture = new SpectrogramPicture(mixture.endSec - mixture.startSec);
  const fixed = like && (await lookAt(like, job.region, model));
  const guidesAt = async (startSec: number): Promise<[VisualGuide, VisualGuide | null]> => {
    if (fixed) return [fixed, null];
    const { steps, video } = model.manifest.guide;
    const first = Math.round(startSec * video.rateHz);
    const [own, whole] = await feed.frames(first, steps, job.region ? 2 : 1);
    const guide = await model.look(own as PixelBlock, true);
    const rest = whole && job.region && withoutPart(whole, video, job.region, true);
    return [guide, rest ? await model.look(rest, true) : null];
  };
  const blocks = separateBlocks(feed.samples(), {
    sampleRateHz,
    channels,
    mask: async ({ startSec, durationSec, magnitudes }) => {
      if (isStopped?.()) throw new EarshotError('cancelled', 'The separation was stopped.');
      const mask = await model.mask(await model.hear(magnitudes), ...(await guidesAt(startSec)));
      picture.add(startSec, durationSec, magnitudes, mask);
      return mask;
    },
  });
  const energy = { target: 0, mixture: 0 };
  let samples = 0;
  for await (const block of blocks) {
    await target?.write(block.target);
    await residual?.write(block.residual);
    addEnergy(energy, block.target, block.residual);
    samples = block.startSample + (block.target[0]?.length ?? 0);
    onProgress?.(Math.min(1, samples / sampleRateHz / (mixture.endSec - mixture.startSec)));
  }
  await writeFile(pictureFile, await picture.toPng());
  const targetShare = energy.mixture > 0 ? Math.min(1, energy.target / energy.mixture) : 0;
  return { durationSec: samples / sampleRateHz, targetShare };
}

/** What another file shows in its first seconds, or a still picture; its motion is of another moment. */
async function lookAt(
  { file, info, startSec, endSec }: MediaPart,
  region: PictureRegion | null,
  model: SeparationModel,
): Promise<VisualGuide> {
  const { steps, video } = model.manifest.guide;
  const { rateHz, width, height, fit } = video;
  const lengthSec = info.isStillImage ? steps / rateHz : Math.min(steps / rateHz, endSec - startSec);
  const window = { info, startSec, endSec: startSec + Math.max(1 / rateHz, lengthSec) };
  const { data, count } = await decodeFrames(file, { rateHz, width, height, fit, region, ...window });
  return model.look({ data, count }, false);
}

function addEnergy(
  energy: { target: number; mixture: number },
  target: readonly Float32Array[],
  residual: readonly Float32Array[],
): void {
  for (const [c, samples] of target.entries()) {
    const rest = residual[c] as Float32Array;
    // Sums in variables: in an object's fields, or captured, every addition makes a number on the heap.
    let [ofTarget, ofMixture] = [0, 0];
    for (let i = 0; i < samples.length; i++) {
      const own = samples[i] as number;
      const whole = own + (rest[i] as number);
      ofTarget += own * own;
      ofMixture += whole * whole;
    }
    energy.target += ofTarget;
    energy.mixture += ofMixture;
  }
}
