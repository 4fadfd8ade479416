/**
 * Renders one clip in a worker thread: scene, sound and encoding to MP4, stem and ground truth. The truth is
 * written last, so that its presence means that the clip is whole.
 */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { encodeClip } from '#media/encode';
import { writeWav } from '#media/wav';
import type { GroundTruth, ManifestEntry } from './manifest.ts';
import { PERFORMANCE_RATE_HZ, type Performance } from './performance.ts';
import { SceneRenderer } from './picture/scene.ts';
import type { SceneSpec } from './picture/scene-plan.ts';
import { loadSprite } from './recordings/library.ts';
import type { Sprite } from './recordings/sprite.ts';
import { addRoomNoise } from './room-noise.ts';

export interface RenderTask {
  id: string;
  folder: string;
  scene: SceneSpec;
  performance: Performance;
  /** Root of the tree that recorded classes take their pictures from. */
  mediaSources: string;
  /** Constant rate factor of the video: higher is smaller. */
  crf: number;
}

/** Boxes are kept at this rate; objects move slowly enough. */
const BOXES_EVERY_FRAMES = 5;

export default async function renderClip(task: RenderTask): Promise<ManifestEntry> {
  const { id, scene, performance, folder } = task;
  const base = path.join(folder, performance.split, id);
  const sprite = await spriteOf(performance, task.mediaSources);
  const renderer = new SceneRenderer(scene, [performance], [sprite?.image ?? null]);
  const boxes: GroundTruth['sources'][number]['boxes'] = [];
  function* pixels(): Generator<Uint8Array> {
    for (const frame of renderer.frames()) {
      const box = frame.actors[0]?.box;
      if (box && frame.index % BOXES_EVERY_FRAMES === 0)
        boxes.push({ timeSec: frame.timeSec, ...roundBox(box) });
      yield frame.pixels;
    }
  }
  await encodeClip(
    {
      width: scene.width,
      height: scene.height,
      rateHz: scene.frameRateHz,
      pixelFormat: 'rgba',
      frames: pixels(),
      samples: addRoomNoise(performance.samples, scene.seed),
      sampleRateHz: PERFORMANCE_RATE_HZ,
    },
    `${base}.mp4`,
    { crf: task.crf },
  );
  await writeWav(`${base}.wav`, performance.samples, PERFORMANCE_RATE_HZ, 16);
  const truth: GroundTruth = {
    id,
    split: performance.split,
    durationSec: scene.durationSec,
    width: scene.width,
    height: scene.height,
    frameRateHz: scene.frameRateHz,
    sources: [
      {
        soundClass: performance.soundClass,
        timbreId: performance.timbreId,
        phraseId: performance.phraseId,
        recording: performance.recording,
        stem: `${id}.wav`,
        events: performance.events,
        boxes,
      },
    ],
    scene,
  };
  await writeFile(`${base}.json`, `${JSON.stringify(truth)}\n`);
  return manifestEntry(task);
}

/** Pictures that this thread has cut out already. */
const sprites = new Map<string, Promise<Sprite>>();

async function spriteOf({ recording }: Performance, mediaSources: string): Promise<Sprite | null> {
  if (!recording) return null;
  const key = `${recording.memberId}/${recording.pictureSha256}`;
  const sprite = sprites.get(key) ?? loadSprite(recording.memberId, mediaSources);
  sprites.set(key, sprite);
  if ((await sprite).pictureSha256 === recording.pictureSha256) return sprite;
  const message = `The picture of ${recording.memberId} changed while the corpus was being made: start again.`;
  throw new EarshotError('conflict', message, { subject: recording.memberId });
}

/** The manifest's line of a task, rendered or not: it depends on the plan and the sound alone. */
export function manifestEntry({ id, scene, performance }: RenderTask): ManifestEntry {
  const { split, soundClass, phraseId, timbreId, samples, recording } = performance;
  const content = createHash('sha256')
    .update(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength))
    .update(JSON.stringify(scene))
    .update(recording ? JSON.stringify(recording) : '');
  return {
    id,
    split,
    file: `${split}/${id}.mp4`,
    groundTruth: `${split}/${id}.json`,
    label: soundClass,
    phraseId,
    timbreId,
    contentSha256: content.digest('hex'),
  };
}

function roundBox(box: { x: number; y: number; width: number; height: number }) {
  const round = (value: number) => Number(value.toFixed(4));
  return { x: round(box.x), y: round(box.y), width: round(box.width), height: round(box.height) };
}
