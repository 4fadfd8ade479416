/** From decoded media to the towers' input arrays, as the model's front ends describe it. */
import type { FrontEnds } from '../checkpoint/manifest.ts';
import type { FrameBlock } from '../embedding-model.ts';
import type { LogMelFrontEnd } from './log-mel.ts';

/** Normalised log-mels of a batch, `[batch, frames, bands]`. */
export function logMelBatch(
  frontEnd: LogMelFrontEnd,
  waveforms: readonly Float32Array[],
  spec: FrontEnds['audio'],
): Float32Array {
  const size = spec.frames * spec.bands;
  const batch = new Float32Array(waveforms.length * size);
  waveforms.forEach((samples, i) => {
    batch.set(frontEnd.compute(samples, spec.frames).data, i * size);
  });
  const { mean, deviation } = spec.normalization;
  for (let i = 0; i < batch.length; i++) batch[i] = ((batch[i] as number) - mean) / deviation;
  return batch;
}

/** Normalised pixels of a batch of equally long blocks, `[batch * count, height, width, 3]`. */
export function frameBatch(blocks: readonly FrameBlock[], spec: FrontEnds['video']): Float32Array {
  const size = blocks[0]?.data.length ?? 0;
  const batch = new Float32Array(blocks.length * size);
  const { mean, deviation } = spec.normalization;
  // 256 possible values a channel: a table is faster than arithmetic on every pixel.
  const tables = [0, 1, 2].map((channel) =>
    Float32Array.from(
      { length: 256 },
      (_, value) => (value / 255 - (mean[channel] as number)) / (deviation[channel] as number),
    ),
  ) as [Float32Array, Float32Array, Float32Array];
  blocks.forEach(({ data }, block) => {
    const offset = block * size;
    for (let i = 0; i < data.length; i += 3) {
      batch[offset + i] = tables[0][data[i] as number] as number;
      batch[offset + i + 1] = tables[1][data[i + 1] as number] as number;
      batch[offset + i + 2] = tables[2][data[i + 2] as number] as number;
    }
  });
  return batch;
}
