/** The picture's stream of the synchronisation head as an ONNX graph: in plain arithmetic it takes ten times as long. */
import { OnnxGraphBuilder, type OnnxValue } from '../onnx/graph-builder.ts';
import { floatOutput, OnnxSession } from '../onnx/session.ts';
import { CELL_CHANNELS, CELL_COUNT } from './cell-motion.ts';
import { centredMotion, VIDEO_CONTEXT } from './head-input.ts';
import { type Layer, MOTION_WIDTHS, type MotionStream, NEIGHBOURS } from './stream.ts';

/** Says of every cell how it moves; the same as `MotionStream` but for rounding. */
export class MotionStreamSession {
  readonly #session: OnnxSession;

  private constructor(session: OnnxSession) {
    this.#session = session;
  }

  static async open(stream: MotionStream): Promise<MotionStreamSession> {
    return new MotionStreamSession(
      await OnnxSession.open(graphOf(stream), { subject: 'the motion of cells' }),
    );
  }

  /**
   * @param cells `[steps, 36, 7]` of `cellMotion`
   * @returns `[steps, 36, 16]`, each cell's mean taken off
   */
  async embed(cells: Float32Array): Promise<Float32Array> {
    const steps = cells.length / (CELL_COUNT * CELL_CHANNELS);
    const input = { data: centredMotion(cells), shape: [steps, CELL_COUNT, CELL_CHANNELS] };
    return floatOutput(await this.#session.run({ cells: input }), 'embedded', 'cell motion').data;
  }

  async dispose(): Promise<void> {
    await this.#session.dispose();
  }
}

/** Input `cells`, means taken off; output `embedded`. */
function graphOf({ layers }: MotionStream): Uint8Array {
  const graph = new OnnxGraphBuilder('motion');
  const [first, second, last] = layers as [Layer, Layer, Layer];
  const cells = graph.input('cells', 'float32', ['steps', CELL_COUNT, CELL_CHANNELS]);
  const dense = (x: OnnxValue, { kernel, bias, inputs, outputs }: Layer) =>
    graph.node('Add', [
      graph.node('MatMul', [x, graph.constant(kernel, [inputs, outputs])]),
      graph.constant(bias, [outputs]),
    ]);
  const hidden = graph.node('Relu', [dense(withContext(graph, cells, VIDEO_CONTEXT), first)]);
  const joined = graph.node('Relu', [dense(withContext(graph, hidden, NEIGHBOURS), second)]);
  const embedded = dense(joined, last);
  const mean = graph.node('ReduceMean', [embedded], { axes: [0], keepdims: 1 });
  const centred = graph.node('Sub', [embedded, mean]);
  graph.output('embedded', centred, 'float32', ['steps', CELL_COUNT, MOTION_WIDTHS[2]]);
  return graph.toBytes();
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
