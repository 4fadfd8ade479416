/** From a segment's sound to what the user's audio graph takes: patches of log-mel or of the waveform itself. */
import type { OnnxManifest } from '../checkpoint/manifest.ts';
import { LogMelFrontEnd } from '../front-ends/log-mel.ts';
import type { GraphInput, InputItems } from './graph-tower.ts';

type AudioSpec = OnnxManifest['frontEnds']['audio'];
type LogMelAudio = Extract<AudioSpec, { kind: 'log-mel' }>;
type WaveformAudio = Extract<AudioSpec, { kind: 'waveform' }>;

export interface AudioFrontEnd {
  readonly input: GraphInput;
  /** @param waveform mono at the front end's rate; shorter than a patch is padded with silence */
  items(waveform: Float32Array): InputItems;
}

/** @param segmentSec length of a segment: what a waveform without patches is padded or cut to */
export function audioFrontEnd(spec: AudioSpec, segmentSec: number): AudioFrontEnd {
  return spec.kind === 'log-mel' ? new LogMelPatches(spec) : new WaveformPatches(spec, segmentSec);
}

/** How many patches of a length fit, every `hop`; an incomplete last one is dropped, but there is always one. */
function patchCount(available: number, length: number, hop: number): number {
  return Math.max(0, Math.floor((available - length) / hop)) + 1;
}

class LogMelPatches implements AudioFrontEnd {
  readonly input: GraphInput;
  readonly #spec: LogMelAudio;
  readonly #frontEnd: LogMelFrontEnd;

  constructor(spec: LogMelAudio) {
    this.#spec = spec;
    this.#frontEnd = new LogMelFrontEnd(spec);
    const { bands, patch, layout } = spec;
    const [rows, columns] = layout === 'frames,bands' ? [patch.frames, bands] : [bands, patch.frames];
    const shapes = [
      [rows, columns],
      [1, rows, columns],
      [rows, columns, 1],
    ];
    this.input = { field: 'frontEnds.audio', type: 'float32', itemShapes: shapes };
  }

  items(waveform: Float32Array): InputItems {
    const { bands, patch, layout, normalization } = this.#spec;
    const { mean, deviation } = normalization;
    const available = this.#frontEnd.frameCount(waveform.length);
    const count = patchCount(available, patch.frames, patch.hopFrames);
    const frames = (count - 1) * patch.hopFrames + patch.frames;
    const logMel = this.#frontEnd.compute(waveform, frames).data;
    const size = patch.frames * bands;
    const data = new Float32Array(count * size);
    for (let i = 0; i < count; i++) {
      const from = i * patch.hopFrames * bands;
      for (let frame = 0; frame < patch.frames; frame++)
        for (let band = 0; band < bands; band++) {
          const at = layout === 'frames,bands' ? frame * bands + band : band * patch.frames + frame;
          data[i * size + at] = ((logMel[from + frame * bands + band] as number) - mean) / deviation;
        }
    }
    return { data, count };
  }
}

class WaveformPatches implements AudioFrontEnd {
  readonly input: GraphInput;
  readonly #normalization: WaveformAudio['normalization'];
  readonly #samples: number;
  readonly #hopSamples: number;
  /** Whether a sound longer than one patch gives several. */
  readonly #slides: boolean;

  constructor({ patch, sampleRateHz, normalization }: WaveformAudio, segmentSec: number) {
    this.#normalization = normalization;
    this.#samples = patch?.samples ?? Math.round(segmentSec * sampleRateHz);
    this.#hopSamples = patch?.hopSamples ?? this.#samples;
    this.#slides = patch !== undefined;
    const shapes = [[this.#samples], [1, this.#samples], [this.#samples, 1]];
    this.input = { field: 'frontEnds.audio', type: 'float32', itemShapes: shapes };
  }

  items(waveform: Float32Array): InputItems {
    const samples = this.#samples;
    const count = this.#slides ? patchCount(waveform.length, samples, this.#hopSamples) : 1;
    const { mean, deviation } = this.#normalization;
    const data = new Float32Array(count * samples);
    for (let i = 0; i < count; i++)
      for (let n = 0; n < samples; n++) {
        const sample = waveform[i * this.#hopSamples + n] ?? 0;
        data[i * samples + n] = (sample - mean) / deviation;
      }
    return { data, count };
  }
}
