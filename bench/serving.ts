/**
 * How fast the towers serve: ONNX Runtime against TensorFlow.js (WebAssembly with this library's kernels and as it comes,
 * native where it is installed), on one thread and in the worker pool; how long a start takes; what a segment costs with
 * its front ends.
 *
 * `npm run bench:serving [-- MODEL_FOLDER]`; without a folder, towers of the shipped widths with untrained weights,
 * which take the same time. Every measurement runs in a process of its own, the engines taking turns.
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SeededRandom } from '#core/random';
import type { FrameBlock, VideoInputSpec } from '#model/embedding-model';
import { processorSecPerCall } from './processor-time.ts';

const run = promisify(execFile);
const ROUNDS = 3;
const BATCH = 8;
const SEGMENT_SEC = 5;
const POOL_BATCHES = 24;
const TARGETS = { ratio: 5, startMs: 1000, segmentMs: 60 };

const ENGINES = ['onnx', 'wasm', 'stock', 'node'] as const;
type EngineName = (typeof ENGINES)[number];

interface OneThread {
  /** Loading the model and the first segment through both towers, modules included. */
  startMs: number;
  /** Tower passes a second of processor time, batches of 8. */
  audioPerSec: number;
  videoPerSec: number;
  /** Processor time of one segment through front ends and both towers, alone and in a batch. */
  segmentMs: number;
  batchedSegmentMs: number;
  /** Of which the front ends, in a batch. */
  frontEndMs: number;
}

// What is in the segments does not matter to any engine; the seed keeps it the same.
const SEED = 1;

function waveforms(count: number, sampleRateHz: number): Float32Array[] {
  const random = new SeededRandom(SEED);
  return Array.from({ length: count }, () =>
    Float32Array.from({ length: SEGMENT_SEC * sampleRateHz }, () => random.uniform(-0.5, 0.5)),
  );
}

function frameBlocks(blocks: number, { rateHz, width, height }: VideoInputSpec): FrameBlock[] {
  const random = new SeededRandom(SEED);
  const count = Math.floor(SEGMENT_SEC * rateHz);
  return Array.from({ length: blocks }, () => ({
    count,
    data: Uint8Array.from({ length: count * width * height * 3 }, () => random.uniform(0, 256)),
  }));
}

/** Null where the engine isn't installed. */
async function measureOneThread(folder: string, name: EngineName): Promise<OneThread | null> {
  const startedAt = performance.now();
  const { loadEmbeddingModel } = await import('#model/load-model');
  if (name !== 'onnx') {
    const { loadEngine } = await import('#model/engine/engine');
    const prefer = name === 'stock' ? 'wasm' : name;
    const restore = name === 'stock' ? await rememberStockKernels() : () => {};
    if ((await loadEngine({ prefer })).name !== prefer) return null;
    restore();
  }
  const model = await loadEmbeddingModel(folder, { engine: name === 'onnx' ? 'onnx' : 'tensorflow' });
  const loadedMs = performance.now() - startedAt;
  const audio = waveforms(BATCH, model.audioInput.sampleRateHz);
  const video = frameBlocks(BATCH, model.videoInput);
  const both = async (count: number) => {
    await model.embedAudio(audio.slice(0, count));
    await model.embedVideo(video.slice(0, count));
  };
  const firstRunAt = performance.now();
  await both(1);
  const startMs = loadedMs + performance.now() - firstRunAt;

  const alone = await processorSecPerCall(() => both(1));
  const batched = await processorSecPerCall(() => both(BATCH));
  model.dispose();
  const towers = await measureTowers(folder, name, audio, video);
  return { startMs, ...towers, segmentMs: 1000 * alone, batchedSegmentMs: (1000 * batched) / BATCH };
}

/** TensorFlow.js's own WebAssembly kernels, to be put back once ours have taken their places. */
async function rememberStockKernels(): Promise<() => void> {
  const tf = await import('@tensorflow/tfjs');
  await import('@tensorflow/tfjs-backend-wasm');
  const stock = tf.getKernelsForBackend('wasm');
  return () => {
    for (const { kernelName } of tf.getKernelsForBackend('wasm')) tf.unregisterKernel(kernelName, 'wasm');
    for (const kernel of stock) tf.registerKernel(kernel);
  };
}

async function measureTowers(folder: string, name: EngineName, audio: Float32Array[], video: FrameBlock[]) {
  const { readTwoTowerManifest, readServingGraphs } = await import('#model/checkpoint/checkpoint');
  const { LogMelFrontEnd } = await import('#model/front-ends/log-mel');
  const { logMelBatch } = await import('#model/front-ends/log-mel-batch');
  const { viewCount, viewedBatch } = await import('#model/front-ends/views');
  const manifest = await readTwoTowerManifest(folder);
  const { frontEnds } = manifest;
  const logMelFrontEnd = new LogMelFrontEnd(frontEnds.audio);
  const prepare = () => ({
    logMel: logMelBatch(logMelFrontEnd, audio, frontEnds.audio),
    pictures: viewedBatch(video, frontEnds.video, manifest.towers.video.motion),
  });
  const frontEnd = await processorSecPerCall(async () => prepare());
  const { logMel, pictures } = prepare();
  const towers = await openTowers();
  const audioTower = await processorSecPerCall(() => towers.audio(logMel, BATCH));
  const videoTower = await processorSecPerCall(() =>
    towers.video(pictures, BATCH * viewCount(frontEnds.video)),
  );
  towers.dispose();
  return {
    audioPerSec: BATCH / audioTower,
    videoPerSec: BATCH / videoTower,
    frontEndMs: (1000 * frontEnd) / BATCH,
  };

  async function openTowers() {
    if (name === 'onnx') {
      const { OnnxTowers } = await import('#model/onnx/onnx-towers');
      const graphs = await readServingGraphs(folder, manifest);
      if (!graphs) throw new Error(`${folder} has no graphs`);
      return OnnxTowers.open(graphs, frontEnds, { subject: folder });
    }
    const { loadNetwork } = await import('#model/load-network');
    const { TensorFlowTowers } = await import('#model/towers/tensorflow-towers');
    return new TensorFlowTowers(await loadNetwork(folder, manifest), frontEnds);
  }
}

/** Segments a second through both towers, front ends included. */
async function measurePool(folder: string, engine: 'onnx' | 'tensorflow', threads: number): Promise<number> {
  const { InferencePool } = await import('#catalog/inference/inference-pool');
  const { readModelInfo } = await import('#model/load-model');
  const { audioInput, videoInput } = await readModelInfo(folder);
  const pool = new InferencePool({
    modelFolder: folder,
    modelModule: new URL('../libs/model/load-model.ts', import.meta.url).href,
    engine,
    threads,
    queueLimit: 4 * POOL_BATCHES,
    timeoutSec: 600,
  });
  const audio = waveforms(BATCH, audioInput.sampleRateHz);
  const video = frameBlocks(BATCH, videoInput);
  // The pool takes buffers over, so that every batch is a copy; ingest fills new ones likewise.
  const batch = () => [
    pool.embedAudio(audio.map((samples) => samples.slice())),
    pool.embedVideo(video.map(({ count, data }) => ({ count, data: data.slice() }))),
  ];
  const batches = async (count: number) => {
    await Promise.all(Array.from({ length: count }, batch).flat());
  };
  // Enough to start every thread and to load its model.
  await batches(2 * threads);
  const startedAt = performance.now();
  await batches(POOL_BATCHES);
  const elapsedSec = (performance.now() - startedAt) / 1000;
  await pool.close();
  return (POOL_BATCHES * BATCH) / elapsedSec;
}

/** A folder with graphs to serve from: the one given, or fresh towers of the shipped widths. */
async function prepareFolder(given: string | undefined, target: string): Promise<void> {
  const { exportServingGraphs } = await import('#model/onnx/export-serving');
  if (given !== undefined) await cp(given, target, { recursive: true });
  else await writeUntrained(target);
  await exportServingGraphs(target);
}

async function writeUntrained(target: string): Promise<void> {
  const { writeModelFolder } = await import('#model/checkpoint/checkpoint');
  const { loadEngine } = await import('#model/engine/engine');
  const { MINI_TOWERS, TwoTowerNetwork } = await import('#model/towers/two-tower');
  const { MINI_SEGMENTS, miniFrontEnds } = await import('#learning/training/mini');
  const network = new TwoTowerNetwork(await loadEngine(), MINI_TOWERS, 1);
  await writeModelFolder(
    target,
    {
      ...{ id: 'untrained', baseVersion: '0.0.0', description: 'Towers for timing.', training: {} },
      dimension: MINI_TOWERS.audio.embeddingDimension,
      segments: MINI_SEGMENTS,
      frontEnds: miniFrontEnds({ mean: -2, deviation: 1.6 }),
      towers: { kind: 'two-tower', ...MINI_TOWERS },
      parameterCount: [...network.store.trainable.values()].reduce((sum, { size }) => sum + size, 0),
    },
    network.store.snapshot(),
  );
  network.dispose();
}

/** One measurement in a process of its own. */
async function inProcess<T>(...args: string[]): Promise<T> {
  const script = fileURLToPath(import.meta.url);
  const { stdout } = await run(process.execPath, ['--import', 'tsx', script, '--measure', ...args]);
  return JSON.parse(stdout) as T;
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number;
}

async function compareOneThread(folder: string): Promise<Map<EngineName, OneThread>> {
  const rounds = new Map<EngineName, OneThread[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of ENGINES) {
      const measured = await inProcess<OneThread | null>('thread', folder, name);
      if (measured) rounds.set(name, [...(rounds.get(name) ?? []), measured]);
    }
  }
  const medians = new Map<EngineName, OneThread>();
  for (const [name, measured] of rounds) {
    const keys = Object.keys(measured[0] as OneThread) as (keyof OneThread)[];
    const entries = keys.map((key) => [key, median(measured.map((values) => values[key]))]);
    medians.set(name, Object.fromEntries(entries) as OneThread);
  }
  return medians;
}

function printOneThread(measured: Map<EngineName, OneThread>): void {
  const row = (values: (string | number)[]) =>
    console.log(values.map((v, i) => (typeof v === 'number' ? v.toFixed(1) : v).padEnd(i ? 14 : 8)).join(''));
  console.log(`one thread, median of ${ROUNDS}:`);
  row(['engine', 'audio/s', 'video/s', 'start ms', 'segment ms', 'batched ms', 'front ends ms']);
  for (const [name, m] of measured)
    row([name, m.audioPerSec, m.videoPerSec, m.startMs, m.segmentMs, m.batchedSegmentMs, m.frontEndMs]);
  const onnx = measured.get('onnx') as OneThread;
  for (const name of ['stock', 'wasm', 'node'] as const) {
    const other = measured.get(name);
    if (!other) {
      console.log(`${name}: not installed`);
      continue;
    }
    const audio = onnx.audioPerSec / other.audioPerSec;
    const video = onnx.videoPerSec / other.videoPerSec;
    const target = name === 'stock' ? ` (target: at least ${TARGETS.ratio})` : '';
    console.log(`onnx / ${name}: audio tower ${audio.toFixed(2)}, video tower ${video.toFixed(2)}${target}`);
  }
  console.log(`start ${onnx.startMs.toFixed(0)} ms (target: at most ${TARGETS.startMs})`);
  console.log(
    `a ${SEGMENT_SEC} s segment, one core: ${onnx.segmentMs.toFixed(1)} ms alone, ${onnx.batchedSegmentMs.toFixed(1)} ms in a batch of ${BATCH} (target: at most ${TARGETS.segmentMs})`,
  );
}

async function comparePools(folder: string): Promise<void> {
  console.log(`pool, segments a second through front ends and both towers, median of ${ROUNDS}:`);
  const perSec = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const engine of ['onnx', 'tensorflow']) {
      for (const threads of ['1', '2']) {
        const key = `${engine} ${threads}`;
        const measured = await inProcess<number>('pool', folder, engine, threads);
        perSec.set(key, [...(perSec.get(key) ?? []), measured]);
      }
    }
  }
  const of = (key: string) => median(perSec.get(key) as number[]);
  for (const engine of ['onnx', 'tensorflow']) {
    const [one, two] = [of(`${engine} 1`), of(`${engine} 2`)];
    console.log(
      `${engine}: 1 worker ${one.toFixed(1)}, 2 workers ${two.toFixed(1)}, ratio ${(two / one).toFixed(2)}`,
    );
  }
  const [one, two] = ['1', '2'].map((n) => of(`onnx ${n}`) / of(`tensorflow ${n}`)) as [number, number];
  console.log(`onnx / tensorflow: 1 worker ${one.toFixed(2)}, 2 workers ${two.toFixed(2)}`);
}

async function main(): Promise<void> {
  const [mode, kind, folder, engine, threads] = process.argv.slice(2);
  if (mode === '--measure' && folder) {
    const measured =
      kind === 'thread'
        ? await measureOneThread(folder, engine as EngineName)
        : await measurePool(folder, engine as 'onnx' | 'tensorflow', Number(threads));
    console.log(JSON.stringify(measured));
    return;
  }
  const temporary = await mkdtemp(path.join(os.tmpdir(), 'earshot-bench-'));
  try {
    const target = path.join(temporary, 'model');
    await prepareFolder(mode, target);
    console.log(`load average ${os.loadavg()[0]?.toFixed(2)} on ${os.availableParallelism()} cores`);
    printOneThread(await compareOneThread(target));
    await comparePools(target);
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

await main();
