/** Writes standard MIDI files whose tick is exactly one millisecond. */

import type { Phrase } from './phrase.ts';

/** A channel message at a time. */
interface MidiMessage {
  atMs: number;
  bytes: number[];
}

const TICKS_PER_QUARTER = 500;
const MICROSECONDS_PER_QUARTER = 500_000;
const MELODIC_CHANNEL = 0;
const DRUM_CHANNEL = 9;
const FLUSH_CHANNEL = 1;
const SWELL_STEP_MS = 20;

/** Voices of the synthesiser: more than any phrase sounds at once, few enough to be flushed between phrases. */
export const POLYPHONY = 96;

const CONTROL = { modulation: 1, volume: 7, expression: 11, allSoundOff: 120, resetAll: 121 } as const;

/**
 * One file that plays the phrases one after the other.
 *
 * @param slots each phrase with the time at which its clip starts; what still sounds is cut there
 * @param endMs where the file ends
 */
export function writeMidiFile(slots: readonly { startMs: number; phrase: Phrase }[], endMs: number): Buffer {
  const messages = slots.flatMap(({ startMs, phrase }) => phraseMessages(phrase, startMs));
  for (const channel of [MELODIC_CHANNEL, DRUM_CHANNEL]) {
    messages.push({ atMs: endMs, bytes: [0xb0 | channel, CONTROL.allSoundOff, 0] });
  }
  // The sort is stable, so that messages of one millisecond keep the order in which they were written.
  messages.sort((a, b) => a.atMs - b.atMs);
  const track: number[] = [0, 0xff, 0x51, 3, ...bigEndian(MICROSECONDS_PER_QUARTER, 3)];
  let nowMs = 0;
  for (const { atMs, bytes } of messages) {
    track.push(...variableLength(atMs - nowMs), ...bytes);
    nowMs = atMs;
  }
  track.push(0, 0xff, 0x2f, 0);
  const header = [
    ...bigEndian(6, 4),
    ...bigEndian(0, 2),
    ...bigEndian(1, 2),
    ...bigEndian(TICKS_PER_QUARTER, 2),
  ];
  return Buffer.concat([
    Buffer.from('MThd'),
    Buffer.from(header),
    Buffer.from('MTrk'),
    Buffer.from(bigEndian(track.length, 4)),
    Buffer.from(track),
  ]);
}

function phraseMessages(phrase: Phrase, startMs: number): MidiMessage[] {
  const channel = phrase.bank === 128 ? DRUM_CHANNEL : MELODIC_CHANNEL;
  const control = (atMs: number, number: number, value: number): MidiMessage => ({
    atMs,
    bytes: [0xb0 | channel, number, value],
  });
  const bend = Math.round(8192 + (phrase.tuningCents / 200) * 8192);
  const messages = flushMessages(startMs);
  for (const each of [MELODIC_CHANNEL, DRUM_CHANNEL]) {
    messages.push({ atMs: startMs, bytes: [0xb0 | each, CONTROL.resetAll, 0] });
  }
  messages.push(
    { atMs: startMs, bytes: [0xc0 | channel, phrase.program] },
    control(startMs, CONTROL.volume, 110),
    control(startMs, CONTROL.modulation, phrase.vibrato),
    control(startMs, CONTROL.expression, 127),
    { atMs: startMs, bytes: [0xe0 | channel, bend & 0x7f, bend >> 7] },
  );
  for (const note of phrase.notes) {
    for (const [atMs, value] of expressionCurve(note)) {
      messages.push(control(startMs + atMs, CONTROL.expression, value));
    }
    messages.push({ atMs: startMs + note.startMs, bytes: [0x90 | channel, note.key, note.velocity] });
    messages.push({ atMs: startMs + note.endMs, bytes: [0x80 | channel, note.key, 0] });
  }
  return messages;
}

/**
 * Silences the phrase before and brings every voice of the synthesiser into one known state, by a faint chord of
 * as many notes as there are voices, in the pause between two clips. Without it the first 4 ms of a note depend
 * on the gain of whichever note had the same voice before.
 */
function flushMessages(startMs: number): MidiMessage[] {
  const off = (atMs: number, channel: number): MidiMessage => ({
    atMs,
    bytes: [0xb0 | channel, CONTROL.allSoundOff, 0],
  });
  const messages = [off(startMs - 500, MELODIC_CHANNEL), off(startMs - 500, DRUM_CHANNEL)];
  messages.push({ atMs: startMs - 400, bytes: [0xc0 | FLUSH_CHANNEL, 0] });
  for (let i = 0; i < POLYPHONY; i++) {
    messages.push({ atMs: startMs - 400, bytes: [0x90 | FLUSH_CHANNEL, 16 + i, 1] });
  }
  messages.push(off(startMs - 300, FLUSH_CHANNEL));
  return messages;
}

/** Expression values at their times, from the clip's start; a plain note sets the full value once. */
function expressionCurve(note: Phrase['notes'][number]): [atMs: number, value: number][] {
  if (note.swell === 'none') return [[note.startMs, 127]];
  const curve: [number, number][] = [];
  const lengthMs = note.endMs - note.startMs;
  for (let t = 0; t < lengthMs; t += SWELL_STEP_MS) {
    const along = t / lengthMs;
    const level = { rise: along, fall: 1 - along, arch: Math.sin(Math.PI * along) }[note.swell];
    curve.push([note.startMs + t, Math.round(45 + 82 * level)]);
  }
  return curve;
}

function bigEndian(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => (value >>> (8 * (bytes - 1 - i))) & 0xff);
}

function variableLength(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift((rest & 0x7f) | 0x80);
  return bytes;
}
