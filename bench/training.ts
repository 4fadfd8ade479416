/**
 * What the training kernels are worth: one training step (value and gradients) for each kind of layer and for mini's
 * towers as a whole, with our kernels, with the composed fallback, and with TensorFlow.js's wasm backend as it
 * comes; then the heap over 300 steps of a small net. Each engine runs in a process of its own, for kernels are
 * registered once a process; times are processor time, so that what else runs on the machine distorts them less. What
 * two threads that share a batch are worth is measured by the clock, and says something on a quiet machine only.
 *
 * Run with `node --import tsx bench/training.ts [batch]`.
 */
import { execFileSync } from 'node:child_process';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import * as tf from '@tensorflow/tfjs';
import '@tensorflow/tfjs-backend-wasm';
import { SeededRandom } from '#core/random';
import { trainingBatchNorm } from '#model/engine/batch-norm';
import { type Engine, loadEngine } from '#model/engine/engine';
import { installWasmKernels } from '#model/engine/kernels/install';
import { ParameterStore } from '#model/layers/parameters';
import { TransformerEncoder } from '#model/layers/transformer';
import { MINI_TOWERS, TwoTowerNetwork } from '#model/towers/two-tower';
import { type Differentiator, LocalDifferentiator } from '#model/training/differentiator';
import { forward } from '#model/training/forward';
import { Objective } from '#model/training/objective';
import { ThreadedDifferentiator } from '#model/training/threaded-differentiator';
import type { SourceShape, TrainingBatch } from '#model/training/training-source';

const ENGINES = ['kernels', 'composed', 'stock'] as const;
type EngineKind = (typeof ENGINES)[number];
type Measured = { ms: number } | { failure: string };

const MEMORY_STEPS = 300;
const random = new SeededRandom('bench');

function values(...shape: number[]): tf.Tensor {
  const count = tf.util.sizeFromShape(shape);
  return tf.tensor(
    Float32Array.from({ length: count }, () => random.next() - 0.5),
    shape,
  );
}

/** The median of three runs after one that warms up, in processor time; or why it does not run. */
function measure(step: () => void): Measured {
  const times: number[] = [];
  try {
    for (let run = 0; run < 4; run++) {
      const before = process.cpuUsage();
      step();
      const { user, system } = process.cpuUsage(before);
      if (run > 0) times.push((user + system) / 1000);
    }
  } catch (error) {
    const [line] = (error instanceof Error ? error.message : String(error)).split('\n');
    return { failure: (line as string).slice(0, 90) };
  }
  return { ms: times.sort((left, right) => left - right)[1] as number };
}

/** Gradients of the sum of the squared output for every input. */
function descend(inputs: tf.Tensor[], layer: (...inputs: tf.Tensor[]) => tf.Tensor): () => void {
  return () => {
    const gradients = tf.grads((...given) => tf.sum(tf.square(layer(...given))))(inputs);
    for (const gradient of gradients) gradient.dataSync();
    tf.dispose(gradients);
  };
}

/** One layer of each kind, at the sizes it has in mini. */
function layers(engine: Engine, batch: number): Record<string, () => void> {
  const map = [2 * batch, 24, 24, 32];
  const convolution = (k: number, stride: number) => (x: tf.Tensor, w: tf.Tensor) =>
    tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, [stride, stride], k === 1 ? 'valid' : 'same');
  const store = new ParameterStore(engine, 1);
  const encoder = new TransformerEncoder(store, 'encoder', { width: 128, heads: 4, layers: 1 });
  const timesSec = Float32Array.from({ length: 31 }, (_, i) => i * 0.08);
  return {
    'convolution 3x3, stride 2': descend(
      [values(2 * batch, 96, 96, 3), values(3, 3, 3, 16)],
      convolution(3, 2),
    ),
    'convolution 1x1': descend([values(...map), values(1, 1, 32, 64)], convolution(1, 1)),
    'depthwise convolution 3x3': descend([values(...map), values(3, 3, 32, 1)], (x, w) =>
      tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same'),
    ),
    'batch norm with ReLU': descend(
      [values(...map), values(32), values(32)],
      (x, gamma, beta) =>
        trainingBatchNorm(tf, x as tf.Tensor, gamma as tf.Tensor, beta as tf.Tensor, 1e-3, 'relu').y,
    ),
    'maximum over positions': descend([values(...map)], (x) => tf.max(x as tf.Tensor, [1, 2])),
    'mean over positions': descend([values(...map)], (x) => tf.mean(x as tf.Tensor, [1, 2])),
    dense: descend([values(31 * batch, 128), values(128, 256), values(256)], (x, w, b) =>
      tf.relu(tf.add(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D), b as tf.Tensor)),
    ),
    reverse: descend([values(...map)], (x) => tf.reverse(x as tf.Tensor, 2)),
    tile: descend([values(batch, 1, 24, 32)], (x) => tf.tile(x as tf.Tensor, [1, 24, 1, 1])),
    'third power': descend([values(...map)], (x) => tf.pow(x as tf.Tensor, 3)),
    // Its gradient is our addition, so that only the value can be compared.
    'every other position': (() => {
      const x = values(...map);
      return () =>
        tf.tidy(() => {
          tf.stridedSlice(x, [0, 0, 0, 0], map, [1, 2, 2, 1]).dataSync();
        });
    })(),
    'transformer layer': descend([values(batch, 31, 128)], (x) => encoder.apply(x as tf.Tensor, timesSec)),
  };
}

/** Half a segment with two colour frames, as training shows it first. */
function randomBatch(rows: number): TrainingBatch {
  const [melFrames, framesPerClip, motionSteps] = [248, 2, 31];
  const fill = (count: number) => Float32Array.from({ length: count }, () => random.next() - 0.5);
  const times = (count: number, stepSec: number) =>
    Float32Array.from({ length: rows * count }, (_, i) => (i % count) * stepSec);
  return {
    logMel: fill(rows * melFrames * 64),
    melFrames,
    frames: fill(rows * framesPerClip * 96 * 96 * 3),
    frameTimesSec: times(framesPerClip, 1.25),
    framesPerClip,
    motion: fill(rows * motionSteps * 24 * 24 * 8),
    motionSteps,
    motionTimesSec: times(motionSteps, 0.08),
    lagSteps: new Int8Array(rows),
  };
}

const OBJECTIVE = { class: 1, localization: 1, alignment: 1 };

/** What mini's towers are shown. */
function miniShape(rows: number): SourceShape & { labels: string[] } {
  const labels = Array.from({ length: rows }, (_, i) => String(i % 24));
  return { bands: 64, frameWidth: 96, frameHeight: 96, motionSize: 48, labels };
}

/** Value and gradients of the whole objective on mini's towers. */
function wholeStep(engine: Engine, rows: number): () => void {
  const network = new TwoTowerNetwork(engine, MINI_TOWERS, 1);
  const source = miniShape(rows);
  const batch = randomBatch(rows);
  const objective = new Objective(network, source, OBJECTIVE);
  const pictures = source.labels.map((_, i) => i);
  const variables = [...network.store.trainable.values()];
  return () => {
    const { value, grads } = tf.variableGrads(
      () => objective.total(objective.terms(forward(network, source, batch, rows, true), pictures, batch)),
      variables,
    );
    value.dataSync();
    for (const gradient of Object.values(grads)) gradient.dataSync();
    tf.dispose([value, ...Object.values(grads)]);
    network.afterUpdate(0.97);
  };
}

/** Child process: seconds by the clock of a step of one thread and of two, taken in turn; prints them as JSON. */
async function measureThreads(rows: number): Promise<void> {
  const network = new TwoTowerNetwork(await loadEngine({ prefer: 'wasm' }), MINI_TOWERS, 1);
  const shape = miniShape(rows);
  const objective = new Objective(network, shape, OBJECTIVE);
  const batch = randomBatch(rows);
  const pictures = shape.labels.map((_, i) => i);
  const kinds: Differentiator[] = [
    new LocalDifferentiator(network, objective, shape),
    new ThreadedDifferentiator(network, OBJECTIVE, shape, 2),
  ];
  const times: number[][] = kinds.map(() => []);
  for (let run = 0; run < 4; run++) {
    for (const [i, kind] of kinds.entries()) {
      const started = performance.now();
      const { gradients } = await kind.differentiate(batch, pictures);
      network.afterUpdate(0.97);
      if (run > 0) times[i]?.push((performance.now() - started) / 1000);
      tf.dispose([...gradients.values()]);
    }
  }
  for (const kind of kinds) await kind.close();
  const seconds = times.map((runs) => runs.sort((left, right) => left - right)[1]);
  console.log(JSON.stringify({ seconds, loadAverage: os.loadavg()[0] }));
}

function compareThreads(rows: number): void {
  const args = ['--import', 'tsx', fileURLToPath(import.meta.url), String(rows), 'threads'];
  const { seconds, loadAverage } = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' })) as {
    seconds: [number, number];
    loadAverage: number;
  };
  const [one, two] = seconds;
  console.log(
    `mini's towers, batch ${rows}, by the clock: one thread ${one.toFixed(2)} s, two ${two.toFixed(2)} s, ` +
      `${(one / two).toFixed(2)} times as fast (load ${loadAverage.toFixed(1)}, the threads' own included)`,
  );
}

/** Heap bytes and tensors after 10 steps of a small net, and after `MEMORY_STEPS`. */
function memoryOverSteps(): { heapBytes: [number, number]; tensors: [number, number] } {
  const backend = tf.backend() as unknown as { wasm: { HEAPU8: Uint8Array } };
  const [x, w, d] = [values(8, 24, 24, 3), values(3, 3, 3, 8), values(8, 5)];
  const variables = [tf.variable(w as tf.Tensor), tf.variable(d as tf.Tensor)];
  const optimizer = tf.train.adam(0.001);
  const loss = () => {
    const map = tf.relu(tf.conv2d(x as tf.Tensor4D, variables[0] as unknown as tf.Tensor4D, 2, 'same'));
    const scores = tf.matMul(tf.max(map, [1, 2]) as tf.Tensor2D, variables[1] as unknown as tf.Tensor2D);
    return tf.mean(tf.square(scores)).asScalar();
  };
  const record = { heapBytes: [0, 0] as [number, number], tensors: [0, 0] as [number, number] };
  for (let step = 1; step <= MEMORY_STEPS; step++) {
    optimizer.minimize(loss, false, variables);
    const at = step === 10 ? 0 : 1;
    record.heapBytes[at] = backend.wasm.HEAPU8.length;
    record.tensors[at] = tf.memory().numTensors;
  }
  return record;
}

/** Child process: measures one engine and prints the results as JSON. */
async function measureEngine(kind: EngineKind, batch: number): Promise<void> {
  tf.enableProdMode();
  await tf.setBackend('wasm');
  if (kind === 'kernels') await installWasmKernels(tf);
  if (kind === 'composed') await installWasmKernels(tf, async () => undefined);
  const engine: Engine = { tf, name: 'wasm' };
  const times: Record<string, Measured> = {};
  for (const [name, step] of Object.entries(layers(engine, batch))) times[name] = measure(step);
  times["mini's towers"] = measure(wholeStep(engine, batch));
  const memory = kind === 'kernels' ? memoryOverSteps() : null;
  console.log(JSON.stringify({ times, memory }));
}

function ratio(measured: Measured, ours: Measured): string {
  if ('failure' in measured) return `fails: ${measured.failure}`;
  return 'failure' in ours ? '-' : `${(measured.ms / ours.ms).toFixed(1)}x`;
}

function compareEngines(batch: number): void {
  const results = Object.fromEntries(
    ENGINES.map((kind) => {
      const file = fileURLToPath(import.meta.url);
      const args = ['--import', 'tsx', file, String(batch), kind];
      return [kind, JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }))];
    }),
  ) as Record<
    EngineKind,
    { times: Record<string, Measured>; memory: ReturnType<typeof memoryOverSteps> | null }
  >;
  console.log(`one training step, batch ${batch}; processor time, and that of the others over ours`);
  for (const [name, ours] of Object.entries(results.kernels.times)) {
    const own = 'failure' in ours ? `fails: ${ours.failure}` : `${ours.ms.toFixed(1)} ms`;
    const others = (['composed', 'stock'] as const).map(
      (kind) => `${kind} ${ratio(results[kind].times[name] as Measured, ours)}`,
    );
    console.log([name.padEnd(28), own.padEnd(12), ...others].join('  '));
  }
  const { heapBytes, tensors } = results.kernels.memory as ReturnType<typeof memoryOverSteps>;
  const megabytes = heapBytes.map((bytes) => (bytes / 1e6).toFixed(1)).join(' -> ');
  console.log(
    `memory, step 10 -> step ${MEMORY_STEPS}: heap ${megabytes} MB, tensors ${tensors.join(' -> ')}`,
  );
}

const batch = Number(process.argv[2] ?? 16);
const kind = ENGINES.find((name) => name === process.argv[3]);
if (kind) await measureEngine(kind, batch);
else if (process.argv[3] === 'threads') await measureThreads(batch);
else {
  compareEngines(batch);
  compareThreads(batch);
}
