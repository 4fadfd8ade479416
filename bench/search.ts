/**
 * How much the embedded vector index adds to the engine under it, and what it finds: our adapter, the raw zvec query
 * and an exact loop over the same clustered unit vectors, with and without filters.
 *
 * Run with `node --import tsx bench/search.ts [points] [dimension]`.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ZVecIndexType, ZVecOpen } from '@zvec/zvec';
import { SeededRandom } from '#core/random';
import { EmbeddedIndex } from '#store/index/embedded-index';
import { ExactIndex } from '#store/index/exact-index';
import type { IndexPoint, PointFilter, SearchRequest } from '#store/index/vector-index';

const POINTS = Number(process.argv[2] ?? 20_000);
const DIMENSION = Number(process.argv[3] ?? 256);
const CLUSTERS = 200;
const QUERIES = 200;
const TOP_K = 10;
const MODEL = { id: 'bench', version: '1', dimension: DIMENSION };

interface Case {
  name: string;
  filter?: PointFilter;
  rawFilter?: string;
  groupBy: SearchRequest['groupBy'];
}

const CASES: Case[] = [
  { name: 'unfiltered', groupBy: 'segment' },
  {
    name: 'filter 1 %',
    filter: { anyTag: ['one'] },
    rawFilter: "tags contain_any ('sone')",
    groupBy: 'segment',
  },
  {
    name: 'filter 10 %',
    filter: { anyTag: ['ten'] },
    rawFilter: "tags contain_any ('sten')",
    groupBy: 'segment',
  },
  { name: 'grouped by clip', groupBy: 'clip' },
];

function unit(values: Float32Array): Float32Array {
  let squared = 0;
  for (const value of values) squared += value * value;
  return values.map((value) => value / Math.sqrt(squared));
}

function clusteredVectors(random: SeededRandom): () => Float32Array {
  const normal = () => Float32Array.from({ length: DIMENSION }, () => random.normal());
  const centres = Array.from({ length: CLUSTERS }, normal);
  return () => unit(random.pick(centres).map((value) => value + 0.7 * random.normal()));
}

function hexId(n: number): string {
  return `00000000-0000-5000-8000-${n.toString(16).padStart(12, '0')}`;
}

function makePoints(next: () => Float32Array): IndexPoint[] {
  return Array.from({ length: POINTS }, (_, n) => ({
    id: hexId(n),
    vectors: { audio: next() },
    payload: {
      clipId: hexId(Math.floor(n / 8)),
      segmentIndex: n % 8,
      startSec: (n % 8) * 2.5,
      endSec: (n % 8) * 2.5 + 5,
      collection: 'bench',
      tags: [...(n % 100 === 0 ? ['one'] : []), ...(n % 10 === 0 ? ['ten'] : [])],
    },
  }));
}

interface Measured {
  p50Ms: number;
  p99Ms: number;
  answers: string[][];
}

async function measure(
  queries: Float32Array[],
  ask: (query: Float32Array) => Promise<string[]>,
): Promise<Measured> {
  for (const query of queries.slice(0, 20)) await ask(query);
  const times: number[] = [];
  const answers: string[][] = [];
  for (const query of queries) {
    const startMs = performance.now();
    answers.push(await ask(query));
    times.push(performance.now() - startMs);
  }
  times.sort((a, b) => a - b);
  const at = (share: number) => times[Math.floor((times.length - 1) * share)] as number;
  return { p50Ms: at(0.5), p99Ms: at(0.99), answers };
}

/** The share of the true top ten that was found. */
function recall(measured: Measured, truth: Measured): number {
  let found = 0;
  let wanted = 0;
  for (const [n, expected] of truth.answers.entries()) {
    const given = new Set(measured.answers[n]);
    wanted += expected.length;
    for (const id of expected) found += given.has(id) ? 1 : 0;
  }
  return found / wanted;
}

const folder = mkdtempSync(join(tmpdir(), 'earshot-bench-'));
const random = new SeededRandom(1);
const next = clusteredVectors(random);
const points = makePoints(next);
const queries = Array.from({ length: QUERIES }, next);
const embedded = new EmbeddedIndex(folder);
const exact = new ExactIndex();
for (const index of [embedded, exact]) await index.ensureCollection('bench', MODEL);

const upsertMs = -performance.now();
await embedded.upsert('bench', points);
const optimizeMs = -performance.now();
await embedded.optimize('bench');
const builtMs = performance.now();
await exact.upsert('bench', points);
process.stdout.write(
  `${POINTS} points of ${DIMENSION} dimensions: upsert ${Math.round(-optimizeMs + upsertMs)} ms, ` +
    `optimize ${Math.round(builtMs + optimizeMs)} ms\n`,
);

const measured = new Map<string, { adapter: Measured; loop: Measured }>();
for (const { name, filter, groupBy } of CASES) {
  const ask = (index: EmbeddedIndex | ExactIndex) => async (vector: Float32Array) => {
    const asked: SearchRequest = { modality: 'audio', vector, model: MODEL, topK: TOP_K, groupBy, filter };
    return (await index.search('bench', asked)).map((hit) => hit.id);
  };
  measured.set(name, {
    adapter: await measure(queries, ask(embedded)),
    loop: await measure(queries, ask(exact)),
  });
}
await embedded.close();

const raw = ZVecOpen(join(folder, 'points-1', 'audio', '2'));
const rows: string[][] = [
  ['case', 'adapter p50/p99 ms', 'raw zvec', 'exact', 'p50 : raw', 'p50 : exact', 'recall@10', 'raw'],
];
for (const { name, rawFilter } of CASES) {
  const engine = await measure(queries, async (vector) => {
    const params = { indexType: ZVecIndexType.HNSW } as const;
    const query = {
      fieldName: 'vector',
      vector,
      topk: TOP_K,
      params,
      ...(rawFilter && { filter: rawFilter }),
    };
    return (await raw.query(query)).map((doc) => doc.id);
  });
  const { adapter, loop } = measured.get(name) as { adapter: Measured; loop: Measured };
  const times = ({ p50Ms, p99Ms }: Measured) => `${p50Ms.toFixed(2)} / ${p99Ms.toFixed(2)}`;
  rows.push([
    name,
    times(adapter),
    times(engine),
    times(loop),
    `${(adapter.p50Ms / engine.p50Ms).toFixed(2)}x`,
    `${(adapter.p50Ms / loop.p50Ms).toFixed(2)}x`,
    recall(adapter, loop).toFixed(4),
    name === 'grouped by clip' ? '-' : recall(engine, loop).toFixed(4),
  ]);
}
raw.closeSync();
rmSync(folder, { recursive: true, force: true });

const widths = (rows[0] as string[]).map((_, column) =>
  Math.max(...rows.map((row) => (row[column] ?? '').length)),
);
for (const row of rows) {
  process.stdout.write(`${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}\n`);
}
