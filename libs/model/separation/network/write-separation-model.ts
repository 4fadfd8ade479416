/** From a trained separation network to the folder that it is served from. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { sha256, writeFileAtomically } from '../../checkpoint/checkpoint.ts';
import { encodeSafetensors } from '../../checkpoint/safetensors.ts';
import type { NamedArray } from '../../layers/parameters.ts';
import { OnnxGraphBuilder } from '../../onnx/graph-builder.ts';
import { CELL_COUNT } from '../../synchronization/cell-motion.ts';
import { BLOCK_POINTS, BLOCK_ROWS } from './blocks.ts';
import { type SeparationManifest, writeSeparationManifest } from './manifest.ts';
import type { SeparationNetwork } from './separation-network.ts';
import { appearanceWidth, motionWidth } from './visual-query.ts';

export interface NewSeparationModel {
  id: string;
  baseVersion: string;
  description: string;
  /** Bytes of the video tower's graph, and what it takes; and the arrays of the cells' stream. */
  guide: { graph: Uint8Array; stream: readonly NamedArray[] } & Omit<
    SeparationManifest['guide'],
    'file' | 'sha256' | 'cells'
  >;
  training: Record<string, unknown>;
}

/** @returns the manifest as written */
export async function writeSeparationModel(
  folder: string,
  network: SeparationNetwork,
  { id, baseVersion, description, guide, training }: NewSeparationModel,
): Promise<SeparationManifest> {
  await mkdir(folder, { recursive: true });
  const write = async (file: string, bytes: Uint8Array) => {
    await writeFileAtomically(path.join(folder, file), bytes);
    return { file, sha256: sha256(bytes) };
  };
  const weights = await write(
    'weights.safetensors',
    encodeSafetensors(network.store.snapshot(), { model: id }),
  );
  const { graph, stream, ...seen } = guide;
  let parameterCount = 0;
  for (const { size } of network.store.trainable.values()) parameterCount += size;
  const manifest: SeparationManifest = {
    format: 'earshot-separation/2',
    id,
    version: `${baseVersion}+${weights.sha256.slice(0, 8)}`,
    description,
    network: network.options,
    guide: {
      ...(await write('guide.onnx', graph)),
      ...seen,
      cells: await write('cells.safetensors', encodeSafetensors(stream, { model: id })),
    },
    weights: { ...weights, parameterCount },
    serving: {
      hear: await write('hear.onnx', hearGraph(network)),
      answer: await write('answer.onnx', answerGraph(network)),
    },
    training,
  };
  await writeSeparationManifest(folder, manifest);
  return manifest;
}

/** Input `mixture` `[1, steps, 128, 4]`; outputs `level0`, `level1`, ..., `[1, channels, steps, rows]`, coarser and coarser. */
export function hearGraph({ audio, options }: SeparationNetwork): Uint8Array {
  const graph = new OnnxGraphBuilder('separation-hear');
  const mixture = graph.input('mixture', 'float32', [1, 'steps', BLOCK_ROWS, BLOCK_POINTS]);
  audio.hearToOnnx(graph, mixture).forEach((level, i) => {
    graph.output(`level${i}`, level, 'float32', levelShape(options.levelChannels, i));
  });
  return graph.toBytes();
}

/**
 * Inputs `level0`, ... of `hear`; `appearance` `[asks, 1, width]`, `motion` `[asks, steps, width]` and `cells` `[asks, 36,
 * steps, width]`; output `logits` `[asks, steps, 512]`.
 */
export function answerGraph(network: SeparationNetwork): Uint8Array {
  const { options } = network;
  const graph = new OnnxGraphBuilder('separation-answer');
  const levels = options.levelChannels.map((_, i) =>
    graph.input(`level${i}`, 'float32', levelShape(options.levelChannels, i)),
  );
  const asked = {
    appearance: graph.input('appearance', 'float32', ['asks', 1, appearanceWidth(options)]),
    motion: graph.input('motion', 'float32', ['asks', 'steps', motionWidth(options)]),
    cells: graph.input('cells', 'float32', ['asks', CELL_COUNT, 'steps', options.cellWidth]),
  };
  const logits = network.answerToOnnx(graph, levels, asked);
  graph.output('logits', logits, 'float32', ['asks', 'steps', BLOCK_ROWS * BLOCK_POINTS]);
  return graph.toBytes();
}

function levelShape(levelChannels: readonly number[], i: number): (number | string)[] {
  return [1, levelChannels[i] as number, i === 0 ? 'steps' : `steps${i}`, BLOCK_ROWS / 2 ** i];
}
