/** From decoded sound to the audio tower's input, as the model's front end describes it. */
import type { FrontEnds } from '../checkpoint/manifest.ts';
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
