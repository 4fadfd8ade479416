/**
 * A performance is what one sounding object does in one clip: its sound, and the control track that makes the
 * drawn object move with it. It is the only thing that the sound half and the picture half of the corpus share.
 */

import type { Venue } from './venue.ts';

/** Kinds that are drawn here and played by a soundfont or synthesised. */
export const DRAWN_CLASSES = [
  'piano',
  'guitar',
  'violin',
  'cello',
  'trumpet',
  'saxophone',
  'flute',
  'xylophone',
  'accordion',
  'harp',
  'drum',
  'bell',
  'clock',
  'bird',
  'dog',
  'hammer',
  'car',
  'siren',
  'organ',
  'clarinet',
  'trombone',
  'harmonica',
  'banjo',
  'choir',
  'bagpipe',
  'timpani',
] as const;

export type DrawnClass = (typeof DRAWN_CLASSES)[number];

/** Kinds made from real recordings and pictures, those under a GPL last: see recordings/catalogue.ts. */
export const RECORDED_CLASSES = [
  'didgeridoo',
  'hand-drum',
  'taiko',
  'orchestra',
  'mariachi',
  'folk-band',
  'rock-band',
  'opera',
  'vacuum-cleaner',
  'washing-machine',
  'cow',
  'horse',
  'sheep',
  'pig',
  'cat',
  'duck',
  'hen',
  'owl',
  'insect',
  'big-cat',
  'ape',
  'crow',
  'rooster',
  'turkey',
  'gull',
  'frog',
  'goat',
  'donkey',
  'elephant',
  'bear',
  'kettle',
  'saw',
] as const;

export type RecordedClass = (typeof RECORDED_CLASSES)[number];

/** All kinds of sounding object; the order is part of the corpus's identity, so new kinds go to the end. */
export const SOUND_CLASSES = [...DRAWN_CLASSES, ...RECORDED_CLASSES] as const;

export type SoundClass = (typeof SOUND_CLASSES)[number];

/** The order is part of the corpus's identity, as that of the classes is. */
export const SPLITS = [
  'train',
  'validation',
  'test',
  'unseen',
  'train-duets',
  'train-trios',
  'train-distractors',
  'train-offscreen',
  'test-duets-unlike',
  'test-duets-like',
  'test-trios',
  'test-distractors',
  'test-offscreen',
] as const;

export type Split = (typeof SPLITS)[number];

export const PERFORMANCE_RATE_HZ = 16_000;

/** Control tracks are sampled at this rate: finer than any frame rate that the corpus renders. */
export const CONTROL_RATE_HZ = 100;

/** One struck, blown, bowed or barked event. */
export interface SoundEvent {
  startSec: number;
  endSec: number;
  /** MIDI note number (69 = 440 Hz), or null where the sound has no pitch. */
  pitchMidi: number | null;
  /** 0..1 */
  velocity: number;
}

export interface Performance {
  soundClass: SoundClass;
  split: Split;
  /** Identifies the rendered phrase; equal ids mean equal sound, and no id occurs in two splits. */
  phraseId: string;
  /** The timbre: a General MIDI preset such as `gm:0:40`, or a synthesis variant such as `bark:1234`. */
  timbreId: string;
  /** The look that goes with the timbre, one of the forms that the class is drawn in; empty where any will do. */
  form: string;
  /** How large the body is that sounds like this: 0 the smallest (highest) of its class .. 1 the largest. */
  bodySize: number;
  /** Where it sounds; the picture's background shows the same. */
  venue: Venue;
  durationSec: number;
  /** Mono at PERFORMANCE_RATE_HZ, `[durationSec * PERFORMANCE_RATE_HZ]`, peak at most 1. */
  samples: Float32Array;
  /** Sorted by start. For continuous sounds (car, siren) the events are the audible swells or cycles. */
  events: SoundEvent[];
  /** Short-time loudness 0..1 at CONTROL_RATE_HZ, `[durationSec * CONTROL_RATE_HZ]`. */
  loudness: Float32Array;
  /** Pitch as MIDI number at CONTROL_RATE_HZ, 0 where nothing sounds or there is no pitch. */
  pitchMidi: Float32Array;
  /** What a recorded performance was made from; null for everything played or synthesised. */
  recording: RecordingUse | null;
}

/** Which recording and picture a performance shows, and how far the recording was shifted. */
export interface RecordingUse {
  memberId: string;
  soundSha256: string;
  pictureSha256: string;
  /** Shift of pitch and tempo together; a lower voice belongs to a larger body. */
  semitones: number;
}

export interface PerformanceRequest {
  soundClass: SoundClass;
  split: Split;
  /** Position within class and split: 0, 1, 2, ... Same request and seed, same performance. */
  index: number;
  durationSec: number;
  /** Drawn by lot unless told; sources of one clip share theirs. */
  venue?: Venue;
}
