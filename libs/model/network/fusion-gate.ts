/**
 * What a model's fusion gate makes of sound and picture: one vector, in which the sound counts for as much as the gate,
 * which looks at both, lets it. `layers/fusion.ts` has the same as a layer, which the gate is learned with.
 *
 * @see Arevalo et al. 2017, "Gated multimodal units for information fusion"
 */
import { logistic } from '../calibration/platt.ts';
import type { FusionGate } from '../checkpoint/manifest.ts';
import { dot } from './dot.ts';

/**
 * How much the sound counts, 0..1; the rest is the picture's.
 *
 * @param audio `[d]`, any length: only the direction counts
 * @param video `[d]`, likewise
 */
export function soundWeight(gate: FusionGate, audio: Float32Array, video: Float32Array): number {
  const { weights, bias } = gate;
  const half = audio.length;
  let [heard, seen] = [0, 0];
  for (let i = 0; i < half; i++) {
    heard += (weights[i] as number) * (audio[i] as number);
    seen += (weights[half + i] as number) * (video[i] as number);
  }
  return logistic(heard / lengthOf(audio) + seen / lengthOf(video) + bias);
}

/** Sound and picture as one unit vector, `[d]`; the parameters are those of `soundWeight`. */
export function fuseStreams(gate: FusionGate, audio: Float32Array, video: Float32Array): Float32Array {
  return weighted(soundWeight(gate, audio, video), audio, video);
}

/**
 * What stands for a label by its sound and its picture, as what is asked about is compared with it: a unit vector, `[d]`.
 * Nothing in a label has suffered; both count as the gate was learned with, the same for every label.
 */
export function fuseLabel(gate: FusionGate, audio: Float32Array, video: Float32Array): Float32Array {
  const { labelSound } = gate;
  return labelSound === undefined ? fuseStreams(gate, audio, video) : weighted(labelSound, audio, video);
}

function weighted(weight: number, audio: Float32Array, video: Float32Array): Float32Array {
  const [ofAudio, ofVideo] = [weight / lengthOf(audio), (1 - weight) / lengthOf(video)];
  const fused = audio.map((value, i) => ofAudio * value + ofVideo * (video[i] as number));
  const length = lengthOf(fused);
  return fused.map((value) => value / length);
}

function lengthOf(vector: Float32Array): number {
  return Math.sqrt(dot(vector, vector)) || 1;
}
