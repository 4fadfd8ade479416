/**
 * From what the network says about each question to a decision. Its probabilities of one question alone are timid; that
 * of another, about the rest of the picture, tells whose a point is. Points don't come alone: those of one component of the
 * mixture (a note, a stroke) mostly belong to one source, and decide together. And a picture from elsewhere may show what
 * does not sound at all: then hardly any component is claimed with confidence. As graphs, for the same reason as the
 * factorisation.
 */
import { LOG_FREQUENCY_BINS } from '../front-ends/log-frequency.ts';
import { OnnxGraphBuilder, type OnnxValue } from '../onnx/graph-builder.ts';
import { OnnxSession, type OnnxTensor } from '../onnx/session.ts';
import { ComponentAnalysis, type Components, tensorsOf } from './component-graph.ts';
import { firstFactors, NMF_FLOOR, type NmfOptions } from './nmf.ts';
import { refinedByNotes } from './two-sides.ts';

/** The rest is never held to be less likely than this (log-odds): what nobody claims does not fall to the asker. */
const LEAST_REST = -1;
/** Keeps log-odds finite. */
const EDGE = 1e-4;

/** What a window of a mixture is taken apart into. */
const COMPONENTS: NmfOptions = { components: 40, iterations: 30, seed: 'components' };

/** What the shares are made to agree with themselves by. */
const SIDES = { components: 8, apart: 30, together: 5, seed: 'sides' } as const;

/** In the geometric mean of both, the weight of what is said of a point beside what is said of its components. */
const POINT_WEIGHT = 0.3;
/** How sharply a component goes to whom claims more of its energy, by the difference of both claims. */
const OWNED_SLOPE = 12;
/** Asked without a rest: the mean probability over a component's energy from which on it passes, and how sharply. */
const CONFIDENT = { threshold: 0.35, slope: 20 };

/** A window of a mixture and its components. */
export interface TakenApart {
  /** `[frames, 256]` */
  magnitudes: Float32Array;
  components: Components;
}

export class Decision {
  readonly #analysis: ComponentAnalysis;
  readonly #owned: OnnxSession;
  readonly #confident: OnnxSession;

  private constructor(analysis: ComponentAnalysis, owned: OnnxSession, confident: OnnxSession) {
    this.#analysis = analysis;
    this.#owned = owned;
    this.#confident = confident;
  }

  static async open(): Promise<Decision> {
    const subject = 'the decision by components';
    return new Decision(
      await ComponentAnalysis.open(COMPONENTS),
      await OnnxSession.open(ownedGraph(), { subject }),
      await OnnxSession.open(confidentGraph(), { subject }),
    );
  }

  /** @param magnitudes of a window, `[frames, 256]` */
  async takeApart(magnitudes: Float32Array): Promise<TakenApart> {
    return { magnitudes, components: await this.#analysis.factorize(magnitudes) };
  }

  /**
   * Whose is each point, by what is said of the point and of the components that it is part of: the geometric mean of
   * `sigmoid(logit own - max(-1, logit rest))` and of the share of the point's components that go to the asker. A
   * component that mostly belongs to the rest takes with it the points at which the network errs. Then the shares of
   * both sides are made to agree with notes of each (`two-sides.ts`).
   *
   * @param own  probabilities of what is asked for, `[frames, 256]`
   * @param rest of the rest of the picture
   */
  owned(own: Float32Array, rest: Float32Array, mixture: TakenApart): Promise<Float32Array> {
    const frames = mixture.magnitudes.length / LOG_FREQUENCY_BINS;
    const first = firstFactors(mixture.magnitudes, frames, LOG_FREQUENCY_BINS, SIDES);
    return run(this.#owned, mixture, { own, rest }, tensorsOf(first, 'side_'));
  }

  /**
   * Lets through only what the mask claims with confidence, component by component of the mixture.
   *
   * @param own probabilities, `[frames, 256]`
   */
  confident(own: Float32Array, mixture: TakenApart): Promise<Float32Array> {
    return run(this.#confident, mixture, { own });
  }

  async dispose(): Promise<void> {
    await Promise.all([this.#analysis.dispose(), this.#owned.dispose(), this.#confident.dispose()]);
  }
}

async function run(
  session: OnnxSession,
  { magnitudes, components }: TakenApart,
  answers: Record<string, Float32Array>,
  more: Record<string, OnnxTensor> = {},
): Promise<Float32Array> {
  const shape = [magnitudes.length / LOG_FREQUENCY_BINS, LOG_FREQUENCY_BINS];
  const points = Object.entries({ magnitudes, ...answers }).map(([name, data]) => [name, { data, shape }]);
  const { mask } = await session.run({ ...components, ...Object.fromEntries(points), ...more });
  return mask?.data as Float32Array;
}

/** What both decisions are made of. */
class DecisionGraph {
  readonly graph: OnnxGraphBuilder;
  readonly #magnitudes: OnnxValue;
  readonly #activations: OnnxValue;
  readonly #spectra: OnnxValue;
  /** `[256, components]` */
  readonly #byBin: OnnxValue;
  readonly #model: OnnxValue;
  /** What of the magnitudes one unit of the model stands for. */
  readonly #quotients: OnnxValue;
  /** Of each component, `[1, components]`. */
  readonly #energies: OnnxValue;

  constructor(name: string) {
    const graph = new OnnxGraphBuilder(name);
    this.graph = graph;
    this.#activations = graph.input('activations', 'float32', ['frames', COMPONENTS.components]);
    this.#spectra = graph.input('spectra', 'float32', [COMPONENTS.components, LOG_FREQUENCY_BINS]);
    const product = graph.node('MatMul', [this.#activations, this.#spectra]);
    this.#model = graph.node('Add', [product, graph.scalar(NMF_FLOOR)]);
    this.#magnitudes = this.points('magnitudes');
    this.#quotients = graph.node('Div', [this.#magnitudes, this.#model]);
    this.#byBin = graph.node('Transpose', [this.#spectra], { perm: [1, 0] });
    this.#energies = graph.node('Max', [this.#energy(this.#quotients), graph.scalar(NMF_FLOOR)]);
  }

  points(name: string): OnnxValue {
    return this.graph.input(name, 'float32', ['frames', LOG_FREQUENCY_BINS]);
  }

  /** @param mask 0..1 */
  refined(mask: OnnxValue): OnnxValue {
    const { graph } = this;
    const first = {
      activations: graph.input('side_activations', 'float32', ['frames', SIDES.components]),
      spectra: graph.input('side_spectra', 'float32', [SIDES.components, LOG_FREQUENCY_BINS]),
    };
    return refinedByNotes(graph, this.#magnitudes, mask, first, SIDES);
  }

  /** The mask's mean over each component's energy, `[1, components]`. */
  claims(mask: OnnxValue): OnnxValue {
    const { graph } = this;
    const claimed = this.#energy(graph.node('Mul', [this.#quotients, mask]));
    return graph.node('Div', [claimed, this.#energies]);
  }

  #energy(points: OnnxValue): OnnxValue {
    const { graph } = this;
    const weighted = graph.node('Mul', [this.#activations, graph.node('MatMul', [points, this.#byBin])]);
    return graph.node('ReduceSum', [weighted, graph.int64([0])], { keepdims: 1 });
  }

  /** How much of each point belongs to components that are let through. @param gains `[1, components]`, 0..1 */
  passed(gains: OnnxValue): OnnxValue {
    const { graph } = this;
    const allowed = graph.node('MatMul', [graph.node('Mul', [this.#activations, gains]), this.#spectra]);
    return graph.node('Div', [allowed, this.#model]);
  }

  /** `sigmoid(slope * x)` */
  gate(x: OnnxValue, slope: number): OnnxValue {
    return this.graph.node('Sigmoid', [this.graph.node('Mul', [x, this.graph.scalar(slope)])]);
  }

  toBytes(mask: OnnxValue): Uint8Array {
    this.graph.output('mask', mask, 'float32', ['frames', LOG_FREQUENCY_BINS]);
    return this.graph.toBytes();
  }
}

function ownedGraph(): Uint8Array {
  const decision = new DecisionGraph('owned');
  const { graph } = decision;
  const logOdds = (p: OnnxValue) => {
    const complement = graph.node('Sub', [graph.scalar(1 + EDGE), p]);
    return graph.node('Log', [graph.node('Div', [graph.node('Add', [p, graph.scalar(EDGE)]), complement])]);
  };
  const [own, rest] = [logOdds(decision.points('own')), logOdds(decision.points('rest'))];
  const against = (a: OnnxValue, b: OnnxValue) =>
    graph.node('Sigmoid', [graph.node('Sub', [a, graph.node('Max', [b, graph.scalar(LEAST_REST)])])]);
  const points = against(own, rest);
  const lead = graph.node('Sub', [decision.claims(points), decision.claims(against(rest, own))]);
  const components = decision.passed(decision.gate(lead, OWNED_SLOPE));
  const power = (value: OnnxValue, exponent: number) => graph.node('Pow', [value, graph.scalar(exponent)]);
  const both = graph.node('Mul', [power(points, POINT_WEIGHT), power(components, 1 - POINT_WEIGHT)]);
  return decision.toBytes(decision.refined(both));
}

function confidentGraph(): Uint8Array {
  const decision = new DecisionGraph('confident');
  const { graph } = decision;
  const own = decision.points('own');
  const { threshold, slope } = CONFIDENT;
  const lead = graph.node('Sub', [decision.claims(own), graph.scalar(threshold)]);
  return decision.toBytes(graph.node('Mul', [own, decision.passed(decision.gate(lead, slope))]));
}
