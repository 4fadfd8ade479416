/**
 * The factorisation of `nmf.ts` as an ONNX graph, its iterations written out one behind the other: matrix products are
 * what the runtime is fast at, and plain arithmetic takes ten times as long.
 */
import { LOG_FREQUENCY_BINS } from '../front-ends/log-frequency.ts';
import { OnnxGraphBuilder, type OnnxValue } from '../onnx/graph-builder.ts';
import { OnnxSession, type OnnxTensor } from '../onnx/session.ts';
import { firstFactors, NMF_FLOOR, type NmfOptions } from './nmf.ts';

/**
 * Inputs `magnitudes` `[frames, 256]`, `first_activations` `[frames, components]`, `first_spectra` `[components, 256]`;
 * outputs `activations` and `spectra` of the same shapes.
 */
function componentGraph({ components, iterations }: Omit<NmfOptions, 'seed'>): Uint8Array {
  const graph = new OnnxGraphBuilder('components');
  const floor = graph.scalar(NMF_FLOOR);
  const magnitudes = graph.input('magnitudes', 'float32', ['frames', LOG_FREQUENCY_BINS]);
  let activations = graph.input('first_activations', 'float32', ['frames', components]);
  let spectra = graph.input('first_spectra', 'float32', [components, LOG_FREQUENCY_BINS]);
  const transposed = (value: OnnxValue) => graph.node('Transpose', [value], { perm: [1, 0] });
  const sum = (value: OnnxValue, axis: number) =>
    graph.node('Max', [graph.node('ReduceSum', [value, graph.int64([axis])], { keepdims: 1 }), floor]);
  const quotients = () => {
    const model = graph.node('Add', [graph.node('MatMul', [activations, spectra]), floor]);
    return graph.node('Div', [magnitudes, model]);
  };
  const scaled = (value: OnnxValue, gain: OnnxValue, total: OnnxValue) =>
    graph.node('Div', [graph.node('Mul', [value, gain]), total]);
  for (let i = 0; i < iterations; i++) {
    const ofFrames = graph.node('MatMul', [quotients(), transposed(spectra)]);
    activations = scaled(activations, ofFrames, transposed(sum(spectra, 1)));
    const ofBins = graph.node('MatMul', [transposed(activations), quotients()]);
    const unscaled = scaled(spectra, ofBins, transposed(sum(activations, 0)));
    const size = sum(unscaled, 1);
    spectra = graph.node('Div', [unscaled, size]);
    activations = graph.node('Mul', [activations, transposed(size)]);
  }
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
    const { components } = this.#options;
    const frames = magnitudes.length / LOG_FREQUENCY_BINS;
    const first = firstFactors(magnitudes, frames, LOG_FREQUENCY_BINS, this.#options);
    const { activations, spectra } = await this.#session.run({
      magnitudes: { data: magnitudes, shape: [frames, LOG_FREQUENCY_BINS] },
      first_activations: { data: Float32Array.from(first.activations), shape: [frames, components] },
      first_spectra: { data: Float32Array.from(first.spectra), shape: [components, LOG_FREQUENCY_BINS] },
    });
    return { activations: activations as OnnxTensor, spectra: spectra as OnnxTensor };
  }

  async dispose(): Promise<void> {
    await this.#session.dispose();
  }
}
