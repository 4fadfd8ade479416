/**
 * Renders one clip in a worker thread: scene, sound and encoding to MP4, stems, masks and ground truth. The truth is
 * written last, so that its presence means that the clip is whole.
 */
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { EarshotError } from '#core/errors';
import { encodeClip } from '#media/encode';
import { writeWav } from '#media/wav';
import type { GroundTruth, ManifestEntry } from './manifest.ts';
import { formatMasks, MASK_SIDE } from './mask-file.ts';
import { mixSources } from './mix.ts';
import { PERFORMANCE_RATE_HZ, type Performance, type Split } from './performance.ts';
import { SceneRenderer } from './picture/scene.ts';
import type { SceneSpec } from './picture/scene-plan.ts';
import { loadSprite } from './recordings/library.ts';
import type { Sprite } from './recordings/sprite.ts';

export interface RenderTask {
  id: string;
  split: Split;
  folder: string;
  scene: SceneSpec;
  /** What sounds. */
  sources: Performance[];
  /** For each actor of the scene the source that it is, null for silent ones. */
  actorSources: (number | null)[];
  /** Root of the tree that recorded classes take their pictures from. */
  mediaSources: string;
  /** Constant rate factor of the video: higher is smaller. */
  crf: number;
}

export default async function renderClip(task: RenderTask): Promise<ManifestEntry> {
  const { id, scene, sources } = task;
  const base = path.join(task.folder, task.split, id);
  const played = task.actorSources.map((source) => (source === null ? null : (sources[source] ?? null)));
  const sprites = await Promise.all(played.map((each) => spriteOf(each, task.mediaSources)));
  const pictures = sprites.map((sprite) => sprite?.image ?? null);
  const renderer = new SceneRenderer(scene, played, pictures);
  const objects = task.actorSources.map((source, actor): GroundTruth['objects'][number] => {
    const { soundClass, form } = scene.actors[actor] as SceneSpec['actors'][number];
    return { soundClass, form, source, boxes: [] };
  });
  const masks: Uint8Array[][] = objects.map(() => []);
  function* pixels(): Generator<Uint8Array> {
    for (const frame of renderer.frames({ maskSide: MASK_SIDE })) {
      frame.actors.forEach(({ box, mask }, actor) => {
        if (box) objects[actor]?.boxes.push({ timeSec: frame.timeSec, ...roundBox(box) });
        if (mask) masks[actor]?.push(mask);
      });
      yield frame.pixels;
    }
  }
  const { mixture, stems } = mixSources(
    sources.map(({ samples }) => samples),
    scene.seed,
    scene.venue,
  );
  await encodeClip(
    {
      width: scene.width,
      height: scene.height,
      rateHz: scene.frameRateHz,
      pixelFormat: 'rgba',
      frames: pixels(),
      samples: mixture,
      sampleRateHz: PERFORMANCE_RATE_HZ,
    },
    `${base}.mp4`,
    { crf: task.crf },
  );
  const truth = groundTruth(task, objects);
  for (const [at, stem] of stems.entries()) {
    const file = path.join(task.folder, task.split, truth.sources[at]?.stem as string);
    await writeWav(file, stem, PERFORMANCE_RATE_HZ, 16);
  }
  await writeFile(`${base}.masks.json.gz`, formatMasks(masks));
  await writeFile(`${base}.json`, `${JSON.stringify(truth)}\n`);
  return manifestEntry(task);
}

function groundTruth(task: RenderTask, objects: GroundTruth['objects']): GroundTruth {
  const { id, split, scene, sources } = task;
  return {
    id,
    split,
    durationSec: scene.durationSec,
    width: scene.width,
    height: scene.height,
    frameRateHz: scene.frameRateHz,
    sources: sources.map(({ soundClass, timbreId, phraseId, form, bodySize, recording, events }, at) => {
      const object = task.actorSources.indexOf(at);
      const stem = sources.length === 1 ? `${id}.wav` : `${id}.${at}.wav`;
      return {
        soundClass,
        timbreId,
        phraseId,
        form,
        bodySize,
        recording,
        stem,
        events,
        object: object < 0 ? null : object,
      };
    }),
    objects,
    masks: `${id}.masks.json.gz`,
    scene,
  };
}

/** Pictures that this thread has cut out already. */
const cutOuts = new Map<string, Promise<Sprite>>();

async function spriteOf(performance: Performance | null, mediaSources: string): Promise<Sprite | null> {
  const recording = performance?.recording;
  if (!recording) return null;
  const key = `${recording.memberId}/${recording.pictureSha256}`;
  const sprite = cutOuts.get(key) ?? loadSprite(recording.memberId, mediaSources);
  cutOuts.set(key, sprite);
  if ((await sprite).pictureSha256 === recording.pictureSha256) return sprite;
  const message = `The picture of ${recording.memberId} changed while the corpus was being made: start again.`;
  throw new EarshotError('conflict', message, { subject: recording.memberId });
}

/** The manifest's line of a task, rendered or not: it depends on the plan and the sound alone. */
export function manifestEntry({ id, split, scene, sources }: RenderTask): ManifestEntry {
  const content = createHash('sha256');
  for (const { samples, recording } of sources) {
    content.update(new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength));
    if (recording) content.update(JSON.stringify(recording));
  }
  const first = sources[0] as Performance;
  return {
    id,
    split,
    file: `${split}/${id}.mp4`,
    groundTruth: `${split}/${id}.json`,
    label: first.soundClass,
    phraseId: first.phraseId,
    timbreId: first.timbreId,
    sources: sources.map(({ soundClass, phraseId, timbreId, form }) => ({
      soundClass,
      phraseId,
      timbreId,
      form,
    })),
    objects: scene.actors.map(({ soundClass, form }) => ({ soundClass, form })),
    venue: scene.venue,
    contentSha256: content.update(JSON.stringify(scene)).digest('hex'),
  };
}

function roundBox(box: { x: number; y: number; width: number; height: number }) {
  const round = (value: number) => Number(value.toFixed(4));
  return { x: round(box.x), y: round(box.y), width: round(box.width), height: round(box.height) };
}
