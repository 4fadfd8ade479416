import { describe, expect, it } from 'vitest';
import { encodeSafetensors } from '#model/checkpoint/safetensors';
import {
  correctedAxes,
  learnedSounds,
  readSoundWeights,
  SOUND_EMBEDDING_SIZE,
  soundCorrection,
} from '#model/concepts/learned-sounds';
import { conceptTable } from '#model/concepts/table';

describe('soundCorrection', () => {
  it('is what goes beyond the mean, along the directions, weighed', () => {
    const weights = {
      concepts: ['dog', 'bell'],
      mean: Float32Array.of(1, 0, 0),
      directions: Float32Array.of(1, 0, 0, 2, 0, 0),
      weights: Float32Array.of(1, -1, 0.5, 0),
    };
    // Beyond the mean (2, 3, 5); along the directions (2, 6).
    expect([...soundCorrection(weights, [3, 3, 5])]).toEqual([2 + 3, -2]);
    expect([...soundCorrection(weights, [1, 0, 0])]).toEqual([0, 0]);
    expect(() => soundCorrection(weights, [1, 2])).toThrow(
      expect.objectContaining({ code: 'shape_mismatch' }),
    );
  });
});

describe('correctedAxes', () => {
  it('corrects what is heard in full, and what is hardly heard hardly', () => {
    const corrected = correctedAxes(Float64Array.of(0.5, 0.1, -0.1), [0.2, -0.1, 0.3]);
    expect([...corrected].map((value) => Number(value.toFixed(6)))).toEqual([0.7, 0.07, -0.1]);
  });
});

describe('the shipped weights', () => {
  const { table } = conceptTable();
  const loud = Float64Array.from({ length: SOUND_EMBEDDING_SIZE }, (_, i) => (i % 7 === 0 ? 1 : 0));

  it('know every concept of the table', () => {
    const correction = learnedSounds(table).correction(loud);
    expect(correction).toHaveLength(table.concepts.length);
    expect(correction.filter((value) => value === 0)).toHaveLength(0);
  });

  it('go by name, and say nothing about a concept newer than they are', () => {
    const [first, second] = table.concepts;
    if (first === undefined || second === undefined) throw new Error('The table is empty.');
    const concepts = [second, { ...first, name: 'theremin of tomorrow' }, first];
    const [ofSecond, ofNew, ofFirst] = learnedSounds({ ...table, concepts }).correction(loud);
    const all = learnedSounds(table).correction(loud);
    expect([ofSecond, ofNew, ofFirst]).toEqual([all[1], 0, all[0]]);
  });
});

describe('readSoundWeights', () => {
  const arrays = (rank: number, concepts: number) => [
    { name: 'mean', shape: [SOUND_EMBEDDING_SIZE], data: new Float32Array(SOUND_EMBEDDING_SIZE) },
    {
      ...{ name: 'directions', shape: [SOUND_EMBEDDING_SIZE, rank] },
      data: new Float32Array(SOUND_EMBEDDING_SIZE * rank),
    },
    { name: 'weights', shape: [2, concepts], data: new Float32Array(2 * concepts) },
  ];

  it('reads what was written', () => {
    const bytes = encodeSafetensors(arrays(2, 3), { concepts: '["a", "b", "c"]' });
    expect(readSoundWeights(bytes, 'file').concepts).toEqual(['a', 'b', 'c']);
  });

  it.each([
    ['directions of another rank', encodeSafetensors(arrays(3, 1), { concepts: '["a"]' })],
    ['names of other concepts', encodeSafetensors(arrays(2, 2), { concepts: '["a"]' })],
    ['no names', encodeSafetensors(arrays(2, 1))],
    ['names that are no list', encodeSafetensors(arrays(2, 1), { concepts: '[a' })],
    ['no safetensors', new Uint8Array(100)],
  ])('refuses %s', (_, bytes) => {
    expect(() => readSoundWeights(bytes, 'file')).toThrow(
      expect.objectContaining({ code: 'checkpoint_invalid', subject: 'file' }),
    );
  });
});
