/** The streams of the synchronisation head as ONNX graphs: in plain arithmetic they take ten times as long. */
import { OnnxGraphBuilder, type OnnxValue } from '../onnx/graph-builder.ts';
import { floatOutput, OnnxSession } from '../onnx/session.ts';
import { CELL_CHANNELS, CELL_COUNT } from './cell-motion.ts';
import { centredMotion, PHASES, SOUND_INPUTS, soundInput, VIDEO_CONTEXT } from './head-input.ts';
import {
  type Layer,
  type MotionStream,
  NEIGHBOURS,
  neighbourWeights,
  type Stream,
  WIDE_NEIGHBOURS,
} from './stream.ts';

/** Says of every cell how it moves; the same as `MotionStream` but for rounding. */
export class MotionStreamSession {
  readonly #session: OnnxSession;

  private constructor(session: OnnxSession) {
    this.#session = session;
  }

  static async open({ stream }: MotionStream): Promise<MotionStreamSession> {
    const graph = new OnnxGraphBuilder('motion');
    const cells = graph.input('input', 'float32', ['steps', CELL_COUNT, CELL_CHANNELS]);
    // The context of a cell is put together here, where it costs less.
    const embedded = embeddedBy(graph, stream, withContext(graph, cells, VIDEO_CONTEXT));
    graph.output('embedded', centred(graph, embedded, [0]), 'float32', ['steps', CELL_COUNT, stream.width]);
    return new MotionStreamSession(await open(graph, 'the motion of cells'));
  }

  /**
   * @param cells `[steps, 36, 7]` of `cellMotion`
   * @returns `[steps, 36, width]`, each cell's mean taken off
   */
  async embed(cells: Float32Array): Promise<Float32Array> {
    const steps = cells.length / (CELL_COUNT * CELL_CHANNELS);
    return run(this.#session, { data: centredMotion(cells), shape: [steps, CELL_COUNT, CELL_CHANNELS] });
  }

  async dispose(): Promise<void> {
    await this.#session.dispose();
  }
}

/** The sound's half of a synchronisation head. */
export class SoundStreamSession {
  readonly #session: OnnxSession;

  private constructor(session: OnnxSession) {
    this.#session = session;
  }

  static async open(stream: Stream): Promise<SoundStreamSession> {
    const graph = new OnnxGraphBuilder('sound');
    const steps = graph.input('input', 'float32', ['steps', PHASES, SOUND_INPUTS]);
    const embedded = centred(graph, embeddedBy(graph, stream, steps), [0, 1]);
    graph.output('embedded', embedded, 'float32', ['steps', PHASES, stream.width]);
    return new SoundStreamSession(await open(graph, 'the sound in steps'));
  }

  /**
   * @param sound `[soundSteps, 32]` of `soundSteps`
   * @returns `[soundSteps, width]`, its mean taken off
   */
  async embed(sound: Float32Array, soundSteps: number): Promise<Float32Array> {
    const data = new Float32Array(soundSteps * SOUND_INPUTS);
    soundInput(sound, data, 0);
    return run(this.#session, { data, shape: [soundSteps / PHASES, PHASES, SOUND_INPUTS] });
  }

  async dispose(): Promise<void> {
    await this.#session.dispose();
  }
}

function open(graph: OnnxGraphBuilder, subject: string): Promise<OnnxSession> {
  return OnnxSession.open(graph.toBytes(), { subject });
}

async function run(
  session: OnnxSession,
  input: { data: Float32Array; shape: readonly number[] },
): Promise<Float32Array> {
  return floatOutput(await session.run({ input }), 'embedded', 'synchronisation').data;
}

/** The layers of a stream. @param x `[steps, rows, inputs]` */
function embeddedBy(graph: OnnxGraphBuilder, { layers }: Stream, x: OnnxValue): OnnxValue {
  const relu = (value: OnnxValue) => graph.node('Relu', [value]);
  const first = relu(dense(graph, x, layers.first));
  const added = [dense(graph, withContext(graph, first, NEIGHBOURS), layers.second)];
  if (layers.near) {
    const weights = graph.constant(neighbourWeights(), [CELL_COUNT, CELL_COUNT]);
    added.push(dense(graph, graph.node('MatMul', [weights, first]), layers.near));
  }
  if (layers.whole) {
    const whole = graph.node('ReduceMean', [first], { axes: [1], keepdims: 1 });
    added.push(dense(graph, whole, layers.whole));
  }
  const second = relu(added.reduce((sum, value) => graph.node('Add', [sum, value])));
  if (!layers.wide) return dense(graph, second, layers.last);
  const wide = relu(dense(graph, withContext(graph, second, WIDE_NEIGHBOURS), layers.wide));
  return dense(graph, graph.node('Add', [wide, second]), layers.last);
}

function dense(graph: OnnxGraphBuilder, x: OnnxValue, { kernel, bias, inputs, outputs }: Layer): OnnxValue {
  const product = graph.node('MatMul', [x, graph.constant(kernel, [inputs, outputs])]);
  return graph.node('Add', [product, graph.constant(bias, [outputs])]);
}

function centred(graph: OnnxGraphBuilder, x: OnnxValue, axes: number[]): OnnxValue {
  return graph.node('Sub', [x, graph.node('ReduceMean', [x], { axes, keepdims: 1 })]);
}

/** Beside each step those around it, as `withContext` of `head-input.ts`. @param values `[steps, rows, width]` */
function withContext(graph: OnnxGraphBuilder, values: OnnxValue, context: number): OnnxValue {
  const before = context >> 1;
  const padded = graph.node('Pad', [values, graph.int64([before, 0, 0, context - 1 - before, 0, 0])]);
  const moved = Array.from({ length: context }, (_, j) => {
    const end = j === context - 1 ? Number.MAX_SAFE_INTEGER : j - (context - 1);
    return graph.node('Slice', [padded, graph.int64([j]), graph.int64([end]), graph.int64([0])]);
  });
  return graph.node('Concat', moved, { axis: -1 });
}
