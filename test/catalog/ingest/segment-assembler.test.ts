import { describe, expect, it } from 'vitest';
import { SegmentAssembler } from '#catalog/ingest/segment-assembler';

const plan = { lengthSec: 5, hopSec: 2.5 };
const whole = { fromSec: 0, untilSec: Number.POSITIVE_INFINITY };
const loud = (sec: number) => new Float32Array(sec * 100).fill(0.5);

/** Start and end of every segment of a clip that has sound only. */
function cut(durationSec: number): [number, number][] {
  const assembler = new SegmentAssembler({ plan, audio: { sampleRateHz: 100, ...whole }, video: null });
  const segments = [];
  for (let sec = 0; sec < durationSec; sec += 0.5) segments.push(...assembler.pushSamples(loud(0.5)));
  return [...segments, ...assembler.end()].map(({ startSec, endSec }) => [startSec, endSec]);
}

describe('segments', () => {
  it('lie on the hop, with a shorter one at the end where it brings a second of something new', () => {
    expect(cut(2)).toEqual([[0, 2]]);
    expect(cut(5)).toEqual([[0, 5]]);
    expect(cut(5.5)).toEqual([[0, 5]]);
    expect(cut(6)).toEqual([
      [0, 5],
      [2.5, 6],
    ]);
    expect(cut(7.5)).toEqual([
      [0, 5],
      [2.5, 7.5],
    ]);
    expect(cut(12)).toEqual([
      [0, 5],
      [2.5, 7.5],
      [5, 10],
      [7.5, 12],
    ]);
  });

  it('share their samples exactly, whatever the chunks', () => {
    const assembler = new SegmentAssembler({ plan, audio: { sampleRateHz: 100, ...whole }, video: null });
    const ramp = Float32Array.from({ length: 1000 }, (_, i) => i + 1);
    const segments = [];
    for (let at = 0; at < 1000; at += 37) segments.push(...assembler.pushSamples(ramp.slice(at, at + 37)));
    segments.push(...assembler.end());
    expect(segments.map(({ waveform }) => [waveform?.[0], waveform?.at(-1)])).toEqual([
      [1, 500],
      [251, 750],
      [501, 1000],
    ]);
  });

  it('keep the tower that a silent, black or shorter stream leaves', () => {
    const assembler = new SegmentAssembler({
      plan,
      audio: { sampleRateHz: 100, ...whole },
      video: { rateHz: 2, fromSec: 0, untilSec: 5 },
    });
    const segments = [];
    for (let sec = 0; sec < 10; sec += 0.5) {
      segments.push(...assembler.pushSamples(sec < 5 ? new Float32Array(50) : loud(0.5)));
      segments.push(...assembler.pushFrame(new Uint8Array(12).fill(200)));
    }
    segments.push(...assembler.end());
    const towers = segments.map(({ waveform, frames }) => [waveform !== null, frames?.count ?? 0]);
    expect(towers).toEqual([
      [false, 10],
      [true, 0],
      [true, 0],
    ]);
    const black = new SegmentAssembler({ plan, audio: null, video: { rateHz: 2, ...whole } });
    for (let i = 0; i < 4; i++) black.pushFrame(new Uint8Array(12).fill(3));
    expect(black.end()).toMatchObject([{ startSec: 0, endSec: 2, frames: null, waveform: null }]);
  });
});
