/** From magnitudes to what the network hears: logarithms, at a level that does not depend on the recording's. */

/** Below the mean magnitude by this factor (60 dB) nothing is told apart. */
const FLOOR = 1e-3;
/** A window whose mean magnitude is lower is as good as silent, and isn't brought up. */
const SILENT_MEAN = 1e-5;
/** Mean and deviation of the logarithms over ordinary music, about. */
const CENTRE = -2.5;
const SPREAD = 2.5;

/**
 * @param magnitudes log-frequency magnitudes of a whole window, `[frames, 256]`
 * @returns of the same shape, about zero mean and unit deviation
 */
export function networkInput(magnitudes: Float32Array): Float32Array {
  let sum = 0;
  for (let i = 0; i < magnitudes.length; i++) sum += magnitudes[i] as number;
  const scale = 1 / Math.max(SILENT_MEAN, sum / magnitudes.length);
  const out = new Float32Array(magnitudes.length);
  for (let i = 0; i < out.length; i++)
    out[i] = (Math.log((magnitudes[i] as number) * scale + FLOOR) - CENTRE) / SPREAD;
  return out;
}
