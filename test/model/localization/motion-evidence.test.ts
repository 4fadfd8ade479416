import { describe, expect, it } from 'vitest';
import {
  cellMovement,
  EVIDENCE_CHANNELS,
  motionEvidence,
  soundCourse,
} from '#model/localization/motion-evidence';

describe('the course of a sound', () => {
  it('follows level and rise, at the rate of the picture', () => {
    // Two bands, six frames, two frames a step: quiet, then a rise of 2 in one band, then quiet again.
    const logMel = Float32Array.of(0, 0, 0, 0, 2, 0, 2, 0, 0, 0, 0, 0);
    const { level, onset } = soundCourse(logMel, 2, 2, 3);
    expect([...level]).toEqual([0, 1, 0]);
    expect([...onset]).toEqual([0, 1, 0]);
  });
});

describe('movement of cells', () => {
  it('is the mean absolute change of the four pixels of a cell', () => {
    const still = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    const moved = [0.4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -0.8];
    const movement = cellMovement(Float32Array.from([...still, ...moved]), 2, 2);
    expect([...movement].map((value) => Number(value.toFixed(3)))).toEqual([0, 0, 0, 0, 0.1, 0, 0, 0.2]);
  });
});

describe('evidence of movement and sound', () => {
  const steps = 40;
  const beats = [5, 13, 22, 30];
  const course = (at: readonly number[]) =>
    Float32Array.from({ length: steps }, (_, step) => (at.includes(step) ? 1 : 0));
  const sound = { level: course(beats), onset: course(beats) };
  /** Cells: moves on the beat, moves as often but elsewhere, stands still, moves one step late. */
  const movement = Float32Array.from({ length: steps * 4 }, (_, i) => {
    const step = Math.floor(i / 4);
    const at = [beats, [2, 9, 17, 26], [], beats.map((beat) => beat + 1)][i % 4] as number[];
    return at.includes(step) ? 0.2 : 0;
  });
  const evidence = motionEvidence(movement, steps, sound, [13, 18]);
  const channel = (frame: number, cell: number, index: number) =>
    evidence[(frame * 4 + cell) * EVIDENCE_CHANNELS + index] as number;

  it('tells what moves on the beat from what moves as much off it, and from what stands still', () => {
    expect(channel(0, 0, 3)).toBeGreaterThan(0.7);
    expect(channel(0, 1, 3)).toBeLessThan(0.1);
    expect(channel(0, 2, 3)).toBe(0);
    expect(channel(0, 0, 0)).toBeCloseTo(channel(0, 1, 0), 6);
  });

  it('sees a picture that is one step late', () => {
    expect(channel(0, 3, 4)).toBeGreaterThan(0.7);
    expect(channel(0, 3, 3)).toBeLessThan(0.1);
  });

  it('knows what moves near the frame that is asked about', () => {
    expect(channel(0, 0, 2)).toBeGreaterThan(channel(1, 0, 2));
  });

  it('answers for a single frame, in which nothing moves', () => {
    const alone = motionEvidence(new Float32Array(4), 1, { level: course([]), onset: course([]) }, [0]);
    expect(alone.every(Number.isFinite)).toBe(true);
    expect(alone.every((value) => value === 0)).toBe(true);
  });
});
