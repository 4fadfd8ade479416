/**
 * The sound half of the generated corpus: turns requests into performances. Instruments are played by a
 * soundfont, recorded classes from recordings, everything else is synthesised here. A request and a seed fix every sample, whatever else is asked
 * for in the same call.
 */

import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { EarshotError } from '#core/errors';
import { SeededRandom } from '#core/random';
import {
  PERFORMANCE_RATE_HZ,
  type Performance,
  type PerformanceRequest,
  type SoundEvent,
} from '../performance.ts';
import { isRecorded } from '../recordings/catalogue.ts';
import type { RecordingLibrary } from '../recordings/library.ts';
import { pickVenue, type Venue } from '../venue.ts';
import { loudnessTrack, pitchTrack } from './control-tracks.ts';
import { DEFAULT_SOUND_FONT, renderPhrases } from './fluidsynth.ts';
import { bodySizeOf, INSTRUMENTS, type Instrument } from './instruments.ts';
import { compensateOnsets } from './onsets.ts';
import { composePhrase, type Phrase } from './phrase.ts';
import { performRecording } from './recordings.ts';
import { drawRoom, placeInRoom, type Room } from './room.ts';
import { leadOfSplit } from './split-lead.ts';
import { SYNTHESISERS } from './synthesis/synthesisers.ts';
import type { SynthesisedSound } from './synthesis/voice.ts';

interface PerformAllOptions {
  seed: number;
  /** Path of a General MIDI soundfont; Debian's FluidR3 where unset. */
  soundFont?: string;
  /** Recordings of the recorded classes that are asked for; none unless told. */
  recordings?: RecordingLibrary;
  /** Folder for temporary files, made if missing. */
  workDir: string;
  signal?: AbortSignal;
  onProgress?: (done: number, total: number) => void;
}

/** Requests rendered together: enough to spread the loading of the soundfont, few enough to stay in memory. */
const BATCH = 96;
const SHORTEST_SEC = 1;

/**
 * Performs every request, in order.
 *
 * @throws EarshotError `invalid_argument` for a clip under 1 s or where fluidsynth or the soundfont is missing
 *   (only if an instrument is asked for), `cancelled` on abort
 */
export async function* performAll(
  requests: readonly PerformanceRequest[],
  options: PerformAllOptions,
): AsyncGenerator<Performance, void, undefined> {
  for (const request of requests) checkRequest(request);
  await mkdir(options.workDir, { recursive: true });
  let done = 0;
  let next = playBatch(requests.slice(0, BATCH), options);
  try {
    for (let from = 0; from < requests.length; from += BATCH) {
      const { plans, rendered } = await next;
      // The next batch is played while this one is taken.
      next = playBatch(requests.slice(from + BATCH, from + 2 * BATCH), options);
      next.catch(() => undefined);
      let nextRendered = 0;
      for (const each of plans) {
        if (options.signal?.aborted) throw new EarshotError('cancelled', 'Making the corpus was cancelled.');
        const performance =
          each.kind === 'played'
            ? finishPlayed(each, rendered[nextRendered++] as Float32Array)
            : finishSynthesised(each, options.recordings);
        done++;
        options.onProgress?.(done, requests.length);
        yield performance;
      }
    }
  } finally {
    await next.catch(() => undefined);
  }
}

async function playBatch(
  requests: readonly PerformanceRequest[],
  options: PerformAllOptions,
): Promise<{ plans: (PlayedPlan | SynthesisedPlan)[]; rendered: Float32Array[] }> {
  const plans = requests.map((request) => plan(request, options.seed));
  const played = plans.filter((each) => each.kind === 'played');
  const rendered = await renderPhrases(
    played.map(({ phrase, request }) => ({ phrase, durationSec: request.durationSec })),
    {
      soundFont: options.soundFont ?? DEFAULT_SOUND_FONT,
      workDir: options.workDir,
      signal: options.signal,
    },
  );
  return { plans, rendered };
}

interface PlayedPlan {
  kind: 'played';
  request: PerformanceRequest;
  phrase: Phrase;
  venue: Venue;
  room: Room;
}

interface SynthesisedPlan {
  kind: 'synthesised';
  request: PerformanceRequest;
  leadMs: number;
  variant: number;
  venue: Venue;
  room: Room;
}

function checkRequest(request: PerformanceRequest): void {
  if (!(request.durationSec >= SHORTEST_SEC) || !Number.isFinite(request.durationSec)) {
    throw new EarshotError('invalid_argument', `A performance lasts at least ${SHORTEST_SEC} s.`, {
      subject: 'durationSec',
    });
  }
}

/** Draws everything that makes the performance; the rest is a pure function of the plan. */
function plan(request: PerformanceRequest, seed: number): PlayedPlan | SynthesisedPlan {
  const { soundClass, split, index, durationSec } = request;
  const random = new SeededRandom(`${seed}/${soundClass}/${split}/${index}`);
  const venue = request.venue ?? pickVenue(random, split);
  const room = drawRoom(random, venue);
  const instrument = INSTRUMENTS[soundClass];
  if (instrument) {
    const phrase = composePhrase(instrument, Math.round(durationSec * 1000), split, random);
    return { kind: 'played', request, phrase, venue, room };
  }
  const leadMs = leadOfSplit(random.uniform(40, Math.min(800, durationSec * 200)), split);
  return { kind: 'synthesised', request, leadMs, variant: random.integer(0, 2 ** 31), venue, room };
}

function finishPlayed({ request, phrase, venue, room }: PlayedPlan, dry: Float32Array): Performance {
  const pitched = phrase.bank === 0;
  const nominal = phrase.notes.map(
    (note): SoundEvent => ({
      startSec: note.startMs / 1000,
      endSec: note.endMs / 1000,
      pitchMidi: pitched ? note.key : null,
      velocity: note.velocity / 127,
    }),
  );
  const events = compensateOnsets(nominal, dry);
  const timbreId = `gm:${phrase.bank}:${phrase.program}`;
  const bodySize = bodySizeOf(
    INSTRUMENTS[request.soundClass] as Instrument,
    phrase.notes.map((note) => note.key),
  );
  const sound = { timbreId, form: phrase.form, bodySize, events, samples: dry };
  return finish(request, [phrase, room], sound, venue, room);
}

function finishSynthesised(
  { request, leadMs, variant, venue, room }: SynthesisedPlan,
  recordings: RecordingLibrary = new Map(),
): Performance {
  const { soundClass, split, durationSec } = request;
  const random = new SeededRandom(variant);
  const asked = { durationSec, leadSec: leadMs / 1000, random };
  if (isRecorded(soundClass)) {
    const sound = performRecording(recordings, { ...asked, soundClass, split });
    return finish(request, [leadMs, variant, room, sound.recording], sound, venue, room);
  }
  const synthesise = SYNTHESISERS[soundClass];
  if (!synthesise) throw new EarshotError('internal', `Nothing plays the class ${soundClass}.`);
  const sound = synthesise({ ...asked, variant, unseen: split === 'unseen' });
  return finish(request, [leadMs, variant, room], sound, venue, room);
}

function finish(
  request: PerformanceRequest,
  content: unknown,
  sound: SynthesisedSound,
  venue: Venue,
  room: Room,
): Performance {
  const { soundClass, split, durationSec } = request;
  const phraseId = createHash('sha256')
    .update(JSON.stringify([soundClass, durationSec, content]))
    .digest('hex')
    .slice(0, 24);
  const samples = placeInRoom(sound.samples, room);
  if (samples.length !== Math.round(durationSec * PERFORMANCE_RATE_HZ)) {
    throw new EarshotError('internal', `A ${soundClass} of ${durationSec} s came out with the wrong length.`);
  }
  return {
    soundClass,
    split,
    phraseId,
    timbreId: sound.timbreId,
    form: sound.form ?? '',
    bodySize: sound.bodySize ?? 0.5,
    venue,
    durationSec,
    samples,
    events: sound.events,
    // What moves is the source: reverberation goes on after it has come to rest.
    loudness: loudnessTrack(sound.samples, durationSec),
    pitchMidi: sound.pitchMidi ?? pitchTrack(sound.events, durationSec),
    recording: sound.recording ?? null,
  };
}
