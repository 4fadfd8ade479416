/** How far a clip's sound is ahead of its picture. */
import { EarshotError } from '#core/errors';
import { decodeStreams } from '#media/decode';
import { lumaFrame } from '#model/front-ends/motion';
import { LUMA_SIZE } from '#model/synchronization/cell-motion';
import type { SynchronizationScene } from '#model/synchronization/check-synchronization';
import { PHASES, SOUND_RATE_HZ, SOUND_STEP_SEC, VIDEO_RATE_HZ } from '#model/synchronization/head-input';
import { SHIFT_LIMIT_SEC } from '#model/synchronization/synchronization-head';
import type { AnalysisSubject, Synchronization } from '../catalog-service.ts';
import { modalityMissing } from './modality-missing.ts';
import { type OpenedSubject, withSubject } from './subject.ts';
import type { VectorParts } from './subject-vectors.ts';

const LUMA_PIXELS = LUMA_SIZE * LUMA_SIZE;
/** Of a step. */
const ROUNDING = 0.25;

interface Span {
  startSec: number;
  endSec: number;
}

/** What of each stream is looked at. */
interface Spans {
  audio: Span;
  video: Span;
}

/**
 * Both streams are read on the one timeline that a player would show them on: start times, edit lists and encoder
 * priming are part of what is measured. Each is read as far as it goes: sound that is late by 2 s ends 2 s after what it
 * belongs to, and only where both go on at once would tell little of it.
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
    const spans = spansOf(opened);
    const segment = unionOf(spans);
    const scene = await readScene(opened, spans, signal);
    const answer = await parts.pool.checkSynchronization(scene, { signal });
    return { ...answer, segment, model: { ...parts.model.identity } };
  };
  return withSubject(subject, parts, work, { signal });
}

/** Of the part that was asked about: silence before the sound begins says nothing. */
function spansOf({ info, name, startSec, endSec }: OpenedSubject): Spans {
  const { audio, video } = info;
  if (audio === null) throw modalityMissing('audio', name);
  if (video === null) throw modalityMissing('video', name);
  if (info.isStillImage) {
    const message = `"${name}" is one still picture: there is nothing in it to synchronise by.`;
    throw new EarshotError('too_short', message, { subject: name });
  }
  const part = { startSec, endSec };
  const heard = cutTo(part, spanOf(audio));
  const seen = cutTo(part, spanOf(video));
  const common = cutTo(heard, seen);
  if (common.endSec <= common.startSec) {
    const message = `Sound and picture of "${name}" do not overlap in the part that was asked about.`;
    throw new EarshotError('too_short', message, { subject: name });
  }
  // What lies further away than any offset that is searched for meets nothing of the other.
  return { audio: cutTo(heard, around(seen)), video: cutTo(seen, around(heard)) };
}

function spanOf({ startSec, durationSec }: { startSec: number; durationSec: number }): Span {
  return { startSec, endSec: startSec + durationSec };
}

/** What both have; it ends before it begins where that is nothing. */
function cutTo(one: Span, other: Span): Span {
  return {
    startSec: Math.max(one.startSec, other.startSec),
    endSec: Math.min(one.endSec, other.endSec),
  };
}

function around({ startSec, endSec }: Span): Span {
  return { startSec: startSec - SHIFT_LIMIT_SEC, endSec: endSec + SHIFT_LIMIT_SEC };
}

function unionOf({ audio, video }: Spans): Span {
  return {
    startSec: Math.min(audio.startSec, video.startSec),
    endSec: Math.max(audio.endSec, video.endSec),
  };
}

/** One pass over the file; frames are kept as luma alone. */
async function readScene(
  { file, info }: OpenedSubject,
  spans: Spans,
  signal: AbortSignal | undefined,
): Promise<SynchronizationScene> {
  const { startSec, endSec } = unionOf(spans);
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
  return cutToSpans({ samples, luma, count }, spans);
}

/** What was padded at the ends of either stream taken off again, in whole steps. */
function cutToSpans({ samples, luma, count }: SynchronizationScene, spans: Spans): SynchronizationScene {
  const { startSec } = unionOf(spans);
  const [firstFrame, endFrame] = stepsWithin(spans.video, startSec, 1 / VIDEO_RATE_HZ);
  const [firstStep, endStep] = stepsWithin(spans.audio, startSec, SOUND_STEP_SEC);
  const end = Math.min(count, endFrame);
  const stepSamples = SOUND_STEP_SEC * SOUND_RATE_HZ;
  return {
    samples: samples.subarray(firstStep * stepSamples, endStep * stepSamples),
    luma: luma.subarray(firstFrame * LUMA_PIXELS, end * LUMA_PIXELS),
    count: end - firstFrame,
    soundStart: firstStep - firstFrame * PHASES,
  };
}

/** The steps from an instant on that lie in a span; rounding of times in containers does not cost one. */
function stepsWithin(span: Span, originSec: number, stepSec: number): [number, number] {
  const first = Math.ceil((span.startSec - originSec) / stepSec - ROUNDING);
  return [first, Math.floor((span.endSec - originSec) / stepSec + ROUNDING)];
}
