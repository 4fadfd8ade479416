/** How near a scene is to each label: cosines of what is heard, of what is seen, and of both fused. */
import type { FusionGate } from '../checkpoint/manifest.ts';
import { dot } from './dot.ts';
import { fuseLabel, fuseStreams } from './fusion-gate.ts';
import { checkVector, refuse } from './inputs.ts';

export type Stream = 'audio' | 'video';

/** A scene's embeddings, `[d]`; one of them may be missing. Any length; only the direction counts. */
export interface SceneEmbeddings {
  audio?: Float32Array | null;
  video?: Float32Array | null;
}

/**
 * What stands for a label: the mean of its examples' embeddings, say, for each modality or one for both. Where a modality
 * is missing the other one stands in, since both lie in one space. Any length; only the direction counts.
 */
type LabelPrototype = Float32Array | SceneEmbeddings;
export type LabelPrototypes = Readonly<Record<string, LabelPrototype>>;

/** Names in messages are cut at this many characters. */
const SHOWN_LENGTH = 60;

/** The direction that examples have in common: their mean. @param examples at least one, unit length */
export function prototypeOf(examples: readonly Float32Array[]): Float32Array {
  const mean = new Float32Array(examples[0]?.length ?? 0);
  for (const example of examples)
    for (let i = 0; i < mean.length; i++)
      mean[i] = (mean[i] as number) + (example[i] as number) / examples.length;
  return mean;
}

/** Of each stream, and of both fused, with each label, in their order; null where it is missing. */
export interface SceneCosines extends Record<Stream, Float64Array | null> {
  /** Null without a gate as well. */
  fused: Float64Array | null;
}

/** @throws EarshotError `invalid_argument` naming a label without a prototype */
export function sceneCosines(
  { audio, video }: SceneEmbeddings,
  labels: readonly string[],
  prototypes: LabelPrototypes,
  gate: FusionGate | undefined,
): SceneCosines {
  const side = (stream: Stream) => (prototype: LabelPrototype) => sideOf(prototype, stream);
  const cosines = (stream: Stream, vector: Float32Array | null | undefined) =>
    vector
      ? labelCosines(checkVector(vector, vector.length, stream), labels, prototypes, side(stream))
      : null;
  const streams = { audio: cosines('audio', audio), video: cosines('video', video) };
  if (!gate || !audio || !video) return { ...streams, fused: null };
  const fusedSide = (prototype: LabelPrototype) => fusedPrototype(prototype, gate);
  return { ...streams, fused: labelCosines(fuseStreams(gate, audio, video), labels, prototypes, fusedSide) };
}

/** Cosine of a vector with what stands for each label, in the order of the labels. */
export function labelCosines(
  vector: Float32Array,
  labels: readonly string[],
  prototypes: LabelPrototypes,
  vectorOf: (prototype: LabelPrototype) => Float32Array | null | undefined,
): Float64Array {
  const length = Math.sqrt(dot(vector, vector));
  return Float64Array.from(labels, (label, i) => {
    const prototype = Object.hasOwn(prototypes, label) ? prototypes[label] : undefined;
    const side = prototype && vectorOf(prototype);
    if (!side) throw refuse('invalid_argument', `labels[${i}]`, `There is no label "${shownLabel(label)}".`);
    checkVector(side, vector.length, `prototypes.${shownLabel(label)}`);
    return dot(vector, side) / (length * Math.sqrt(dot(side, side)));
  });
}

/** Of a prototype that lacks the stream, the other one. */
export function sideOf(prototype: LabelPrototype, stream: Stream): Float32Array | null | undefined {
  if (prototype instanceof Float32Array) return prototype;
  return prototype[stream] ?? prototype[stream === 'audio' ? 'video' : 'audio'];
}

/** Of both sides; what has one side only is that one. */
function fusedPrototype(prototype: LabelPrototype, gate: FusionGate): Float32Array | null | undefined {
  if (prototype instanceof Float32Array) return prototype;
  const { audio, video } = prototype;
  return audio && video ? fuseLabel(gate, audio, video) : (audio ?? video);
}

export function shownLabel(label: string): string {
  return label.length > SHOWN_LENGTH ? `${label.slice(0, SHOWN_LENGTH)}…` : label;
}
