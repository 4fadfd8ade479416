/** How far a clip's sound is ahead of its picture. */
import { EarshotError } from '#core/errors';
import { decodeStreams } from '#media/decode';
import type { SynchronizationScene } from '#model/embedding-model';
import { lumaFrame } from '#model/front-ends/motion';
import { LUMA_SIZE } from '#model/synchronization/cell-motion';
import { SOUND_RATE_HZ, VIDEO_RATE_HZ } from '#model/synchronization/head-input';
import type { AnalysisSubject, Synchronization } from '../catalog-service.ts';
import { modalityMissing } from './modality-missing.ts';
import { type OpenedSubject, withSubject } from './subject.ts';
import type { VectorParts } from './subject-vectors.ts';

const LUMA_PIXELS = LUMA_SIZE * LUMA_SIZE;

/**
 * Both streams are read on the one timeline that a player would show them on: start times, edit lists and encoder
 * priming are part of what is measured. Only what both streams cover counts.
 *
 * @throws EarshotError as `withSubject`, `modality_missing` naming the file, `too_short`, `not_trained`, `overloaded`,
 *   `timeout`
 */
export async function synchronize(
  subject: AnalysisSubject,
  parts: VectorParts,
  signal?: AbortSignal,
): Promise<Synchronization> {
  const work = async (opened: OpenedSubject) => {
    const segment = commonPart(opened);
    const scene = await readScene(opened, segment, signal);
    const answer = await parts.pool.checkSynchronization(scene, { signal });
    return { ...answer, segment, model: { ...parts.model.identity } };
  };
  return withSubject(subject, parts, work, { signal });
}

/** Of the part that was asked about, what both streams cover: silence before the sound begins says nothing. */
function commonPart({ info, name, startSec, endSec }: OpenedSubject): Synchronization['segment'] {
  const { audio, video } = info;
  if (audio === null) throw modalityMissing('audio', name);
  if (video === null) throw modalityMissing('video', name);
  if (info.isStillImage) {
    const message = `"${name}" is one still picture: there is nothing in it to synchronise by.`;
    throw new EarshotError('too_short', message, { subject: name });
  }
  const from = Math.max(startSec, audio.startSec, video.startSec);
  const to = Math.min(endSec, audio.startSec + audio.durationSec, video.startSec + video.durationSec);
  if (to <= from) {
    const message = `Sound and picture of "${name}" do not overlap in the part that was asked about.`;
    throw new EarshotError('too_short', message, { subject: name });
  }
  return { startSec: from, endSec: to };
}

/** One pass over the file; frames are kept as luma alone. */
async function readScene(
  { file, info }: OpenedSubject,
  { startSec, endSec }: Synchronization['segment'],
  signal: AbortSignal | undefined,
): Promise<SynchronizationScene> {
  const lengthSec = endSec - startSec;
  const count = Math.round(lengthSec * VIDEO_RATE_HZ);
  const luma = new Float32Array(count * LUMA_PIXELS);
  const samples = new Float32Array(Math.round(lengthSec * SOUND_RATE_HZ));
  const chunks = decodeStreams(file, {
    frames: { rateHz: VIDEO_RATE_HZ, width: LUMA_SIZE, height: LUMA_SIZE, fit: 'stretch' },
    samples: { sampleRateHz: SOUND_RATE_HZ },
    startSec,
    endSec,
    info,
    signal,
  });
  for await (const chunk of chunks) {
    if (chunk.kind === 'samples') {
      samples.set(chunk.data, chunk.firstSample);
      continue;
    }
    for (let i = 0; i < chunk.count; i++) {
      const frame = chunk.firstIndex + i;
      if (frame >= count) break;
      const from = i * LUMA_PIXELS * 3;
      lumaFrame(chunk.data, from, LUMA_SIZE, LUMA_SIZE, LUMA_SIZE, luma, frame * LUMA_PIXELS);
    }
  }
  return { samples, luma, count };
}
