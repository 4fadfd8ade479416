/**
 * Performances from recordings: parts of one recording, repeated as calls with pauses, each a little different in
 * level and pitch, so that a short recording gives many phrases and the picture can follow each of them.
 */
import { EarshotError } from '#core/errors';
import type { SeededRandom } from '#core/random';
import { PERFORMANCE_RATE_HZ, type SoundEvent, type Split } from '../performance.ts';
import type { Recording, RecordingLibrary } from '../recordings/library.ts';
import { findOnsets, type Part } from './active-parts.ts';
import { resample } from './resample.ts';
import type { SynthesisedSound, SynthesisRequest } from './synthesis/voice.ts';

/** Shift of a whole performance and of each call against it, in semitones. */
const SHIFT = 3;
const CALL_SHIFT = 0.4;
const FADE_SEC = 0.008;
/** Longer parts are played in excerpts. */
const LONGEST_CALL_SEC = 2.2;
const SHORTEST_CALL_SEC = 0.5;
/** Recordings at least so long are divided among the splits, so that none hears another's excerpts. */
const DIVISIBLE_SEC = 10;
/** Share of such a recording at which a split's stretch starts and ends. */
const STRETCHES = { train: [0, 0.6], validation: [0.6, 0.75], test: [0.75, 1] } as const;

/** The recordings a split may use: the held-out ones for `unseen`, else the others. */
function recordingsOf(library: RecordingLibrary, { soundClass, split }: RecordingRequest): Recording[] {
  const group = split === 'unseen' ? 'unseen' : 'seen';
  const found = (library.get(soundClass) ?? []).filter(({ member }) => member.group === group);
  if (found.length === 0) {
    const message = `There is no recording of the class ${soundClass} for the split ${split}.`;
    throw new EarshotError('internal', message, { subject: soundClass });
  }
  return found;
}

interface RecordingRequest extends Omit<SynthesisRequest, 'variant' | 'unseen'> {
  soundClass: Recording['member']['soundClass'];
  split: Split;
}

/**
 * Calls of one recording of the class, the first at `leadSec` exactly.
 *
 * @throws EarshotError `internal` where the library has no recording for class and split
 */
export function performRecording(library: RecordingLibrary, request: RecordingRequest): SynthesisedSound {
  const { durationSec, leadSec, random } = request;
  const recording = random.pick(recordingsOf(library, request));
  const parts = partsOf(recording, request.split);
  const semitones = random.uniform(-SHIFT, SHIFT);
  const samples = new Float32Array(Math.round(durationSec * PERFORMANCE_RATE_HZ));
  const events: SoundEvent[] = [];
  const pauseSec = random.uniform(0.1, 0.8);
  let startSec = leadSec;
  while (startSec < durationSec - 0.25) {
    const call = drawCall(recording, random.pick(parts), semitones, random);
    const velocity = random.uniform(0.5, 1);
    addCall(samples, call, startSec, velocity);
    for (const offsetSec of onsetsOf(call)) {
      const onsetSec = startSec + offsetSec;
      if (onsetSec > durationSec - 0.05) continue;
      closeLast(events, onsetSec);
      const endSec = Math.min(durationSec, startSec + call.length / PERFORMANCE_RATE_HZ);
      events.push({ startSec: onsetSec, endSec, pitchMidi: null, velocity });
    }
    startSec += call.length / PERFORMANCE_RATE_HZ + pauseSec * random.uniform(0.6, 1.6);
  }
  const { member, soundSha256, pictureSha256 } = recording;
  return {
    timbreId: `recording:${member.id}`,
    form: member.id,
    // A lower voice belongs to a larger body.
    bodySize: 0.5 - semitones / (2 * SHIFT),
    samples,
    events,
    recording: { memberId: member.id, soundSha256, pictureSha256, semitones },
  };
}

/** The first onset of a call is its start: calls are cut where they begin to sound. */
function onsetsOf(call: Float32Array): number[] {
  return [0, ...findOnsets(call).filter((sec) => sec > 0.1)];
}

function closeLast(events: SoundEvent[], untilSec: number): void {
  const last = events.at(-1);
  if (last) last.endSec = Math.min(last.endSec, untilSec);
}

function partsOf(recording: Recording, split: Split): Part[] {
  const { samples, parts } = recording;
  const divisible = samples.length >= DIVISIBLE_SEC * PERFORMANCE_RATE_HZ;
  if (!divisible || recording.member.group === 'unseen') return [...parts];
  const name = (Object.keys(STRETCHES) as (keyof typeof STRETCHES)[]).find((each) => split.startsWith(each));
  const [start, end] = STRETCHES[name ?? 'train'];
  const [from, to] = [Math.round(start * samples.length), Math.round(end * samples.length)];
  const within = parts
    .map((part) => ({ from: Math.max(part.from, from), to: Math.min(part.to, to) }))
    .filter((part) => part.to - part.from >= SHORTEST_CALL_SEC * PERFORMANCE_RATE_HZ);
  return within.length > 0 ? within : [{ from, to }];
}

/** One call: the part or an excerpt of it, shifted, with soft edges. */
function drawCall(recording: Recording, part: Part, semitones: number, random: SeededRandom): Float32Array {
  const longest = LONGEST_CALL_SEC * PERFORMANCE_RATE_HZ;
  let { from, to } = part;
  if (to - from > longest) {
    const length = Math.round(random.uniform(SHORTEST_CALL_SEC, LONGEST_CALL_SEC) * PERFORMANCE_RATE_HZ);
    from += random.integer(0, to - from - length);
    to = from + length;
  }
  const shift = semitones + random.uniform(-CALL_SHIFT, CALL_SHIFT);
  const call = resample(recording.samples.subarray(from, to), 2 ** (shift / 12));
  const fade = Math.min(Math.floor(call.length / 2), Math.round(FADE_SEC * PERFORMANCE_RATE_HZ));
  for (let i = 0; i < fade; i++) {
    const at = call.length - 1 - i;
    call[i] = ((call[i] as number) * (i + 1)) / fade;
    call[at] = ((call[at] as number) * (i + 1)) / fade;
  }
  return normalise(call);
}

/** Quiet parts of a recording are brought to the level of the loud ones: a call's level is drawn, not found. */
function normalise(call: Float32Array): Float32Array {
  const peak = call.reduce((max, value) => Math.max(max, Math.abs(value)), 1e-6);
  return call.map((value) => value / peak);
}

function addCall(samples: Float32Array, call: Float32Array, startSec: number, gain: number): void {
  const start = Math.round(startSec * PERFORMANCE_RATE_HZ);
  const count = Math.min(call.length, samples.length - start);
  for (let i = 0; i < count; i++) {
    samples[start + i] = (samples[start + i] as number) + gain * (call[i] as number);
  }
}
