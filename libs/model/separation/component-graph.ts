/**
 * The factorisation of `nmf.ts` as an ONNX graph, its iterations written out one behind the other: matrix products are
 * what the runtime is fast at, and plain arithmetic takes ten times as long.
 */
import { LOG_FREQUENCY_BINS } from '../front-ends/log-frequency.ts';
import { OnnxGraphBuilder, type OnnxValue } from '../onnx/graph-builder.ts';
import { OnnxSession, type OnnxTensor } from '../onnx/session.ts';
import { type Factors, firstFactors, NMF_FLOOR, type NmfOptions } from './nmf.ts';

/** Factors in a graph: activations `[..., frames, components]`, spectra `[..., components, 256]`. */
export interface GraphFactors {
  activations: OnnxValue;
  spectra: OnnxValue;
}

/**
 * Further iterations of multiplicative updates; of several mixtures at once where there is an axis before the frames.
 *
 * @param magnitudes `[..., frames, 256]`
 * @param axes       of all of these arrays
 */
export function factorized(
  graph: OnnxGraphBuilder,
  magnitudes: OnnxValue,
  first: GraphFactors,
  iterations: number,
  axes: 2 | 3 = 2,
): GraphFactors {
  const floor = graph.scalar(NMF_FLOOR);
  const perm = axes === 2 ? [1, 0] : [0, 2, 1];
  const transposed = (value: OnnxValue) => graph.node('Transpose', [value], { perm });
  const sum = (value: OnnxValue, axis: -1 | -2) =>
    graph.node('Max', [graph.node('ReduceSum', [value, graph.int64([axis])], { keepdims: 1 }), floor]);
  const scaled = (value: OnnxValue, gain: OnnxValue, total: OnnxValue) =>
    graph.node('Div', [graph.node('Mul', [value, gain]), total]);
  let { activations, spectra } = first;
  const quotients = () => {
    const model = graph.node('Add', [graph.node('MatMul', [activations, spectra]), floor]);
    return graph.node('Div', [magnitudes, model]);
  };
  for (let i = 0; i < iterations; i++) {
    const ofFrames = graph.node('MatMul', [quotients(), transposed(spectra)]);
    activations = scaled(activations, ofFrames, transposed(sum(spectra, -1)));
    const ofBins = graph.node('MatMul', [transposed(activations), quotients()]);
    const unscaled = scaled(spectra, ofBins, transposed(sum(activations, -2)));
    const size = sum(unscaled, -1);
    spectra = graph.node('Div', [unscaled, size]);
    activations = graph.node('Mul', [activations, transposed(size)]);
  }
  return { activations, spectra };
}

/**
 * Inputs `magnitudes` `[frames, 256]`, `first_activations` `[frames, components]`, `first_spectra` `[components, 256]`;
 * outputs `activations` and `spectra` of the same shapes.
 */
function componentGraph({ components, iterations }: Omit<NmfOptions, 'seed'>): Uint8Array {
  const graph = new OnnxGraphBuilder('components');
  const magnitudes = graph.input('magnitudes', 'float32', ['frames', LOG_FREQUENCY_BINS]);
  const first = {
    activations: graph.input('first_activations', 'float32', ['frames', components]),
    spectra: graph.input('first_spectra', 'float32', [components, LOG_FREQUENCY_BINS]),
  };
  const { activations, spectra } = factorized(graph, magnitudes, first, iterations);
  graph.output('activations', activations, 'float32', ['frames', components]);
  graph.output('spectra', spectra, 'float32', [components, LOG_FREQUENCY_BINS]);
  return graph.toBytes();
}

/** Factors of a window, as arrays of a graph. */
export interface Components {
  /** `[frames, components]` */
  activations: OnnxTensor;
  /** `[components, 256]`, each summing to one */
  spectra: OnnxTensor;
}

/** The same as inputs of a graph, their names after a prefix. */
export function tensorsOf(
  { frames, bins, components, activations, spectra }: Factors,
  prefix: string,
): Record<string, OnnxTensor> {
  return {
    [`${prefix}activations`]: { data: Float32Array.from(activations), shape: [frames, components] },
    [`${prefix}spectra`]: { data: Float32Array.from(spectra), shape: [components, bins] },
  };
}

/** Takes mixtures apart into components; the same as `factorize` but for rounding. */
export class ComponentAnalysis {
  readonly #options: NmfOptions;
  readonly #session: OnnxSession;

  private constructor(options: NmfOptions, session: OnnxSession) {
    this.#options = options;
    this.#session = session;
  }

  static async open(options: NmfOptions): Promise<ComponentAnalysis> {
    const session = await OnnxSession.open(componentGraph(options), { subject: 'the factorisation' });
    return new ComponentAnalysis(options, session);
  }

  /** @param magnitudes `[frames, 256]`, not negative */
  async factorize(magnitudes: Float32Array): Promise<Components> {
    const frames = magnitudes.length / LOG_FREQUENCY_BINS;
    const first = firstFactors(magnitudes, frames, LOG_FREQUENCY_BINS, this.#options);
    const { activations, spectra } = await this.#session.run({
      magnitudes: { data: magnitudes, shape: [frames, LOG_FREQUENCY_BINS] },
      ...tensorsOf(first, 'first_'),
    });
    return { activations: activations as OnnxTensor, spectra: spectra as OnnxTensor };
  }

  async dispose(): Promise<void> {
    await this.#session.dispose();
  }
}
