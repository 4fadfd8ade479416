/**
 * Both sides of a mixture, what is asked for and the rest, each as notes of its own: a mask says how much of every point
 * is whose; each side's share is factorised by itself, then both together explain the mixture, and what either explains of
 * a point is its share of it. A mask that errs here and there is thereby made to agree with itself over time and over
 * the partials of a note; and the shares of both sides add up to one.
 *
 * @see Virtanen 2007, "Monaural sound source separation by non-negative matrix factorization"; Smaragdis et al. 2007,
 *   "Supervised and semi-supervised separation of sounds from single-channel mixtures", for spectra learned from a
 *   source's own share
 */
import { LOG_FREQUENCY_BINS } from '../front-ends/log-frequency.ts';
import type { OnnxGraphBuilder, OnnxValue } from '../onnx/graph-builder.ts';
import { factorized, type GraphFactors } from './component-graph.ts';
import { NMF_FLOOR } from './nmf.ts';

export interface TwoSidesOptions {
  /** Of each side. */
  components: number;
  /** Of each side by itself, and of both together. */
  apart: number;
  together: number;
}

/**
 * The mask that both sides' notes agree on, `[frames, 256]`.
 *
 * @param magnitudes of the mixture, `[frames, 256]`
 * @param mask       the asker's share of every point, 0..1, `[frames, 256]`
 * @param first      `[frames, components]` and `[components, 256]`; both sides begin alike
 */
export function refinedByNotes(
  graph: OnnxGraphBuilder,
  magnitudes: OnnxValue,
  mask: OnnxValue,
  first: GraphFactors,
  { components, apart, together }: TwoSidesOptions,
): OnnxValue {
  const front = (value: OnnxValue) => graph.node('Unsqueeze', [value, graph.int64([0])]);
  const twice = (value: OnnxValue) => graph.node('Concat', [front(value), front(value)], { axis: 0 });
  const rest = graph.node('Sub', [graph.scalar(1), mask]);
  const shares = graph.node('Concat', [front(mask), front(rest)], { axis: 0 });
  const mixtures = graph.node('Mul', [front(magnitudes), shares]);
  const begin = { activations: twice(first.activations), spectra: twice(first.spectra) };
  const sides = factorized(graph, mixtures, begin, apart, 3);
  // [2, frames, components] to [frames, 2 * components], the asker's first.
  const byFrame = graph.node('Transpose', [sides.activations], { perm: [1, 0, 2] });
  const both = {
    activations: graph.node('Reshape', [byFrame, graph.int64([0, 2 * components])]),
    spectra: graph.node('Reshape', [sides.spectra, graph.int64([2 * components, LOG_FREQUENCY_BINS])]),
  };
  const joint = factorized(graph, magnitudes, both, together);
  const own = (value: OnnxValue, axis: number) =>
    graph.node('Slice', [value, graph.int64([0]), graph.int64([components]), graph.int64([axis])]);
  const asked = graph.node('MatMul', [own(joint.activations, 1), own(joint.spectra, 0)]);
  const all = graph.node('MatMul', [joint.activations, joint.spectra]);
  // Where nothing is explained, nothing is to be shared.
  return graph.node('Div', [asked, graph.node('Add', [all, graph.scalar(NMF_FLOOR)])]);
}
