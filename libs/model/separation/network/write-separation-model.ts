/** From a trained separation network to the folder that it is served from. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { sha256, writeFileAtomically } from '../../checkpoint/checkpoint.ts';
import { encodeSafetensors } from '../../checkpoint/safetensors.ts';
import { OnnxGraphBuilder } from '../../onnx/graph-builder.ts';
import { BLOCK_POINTS, BLOCK_ROWS } from './blocks.ts';
import { type SeparationManifest, writeSeparationManifest } from './manifest.ts';
import type { SeparationNetwork } from './separation-network.ts';
import { appearanceWidth, motionWidth } from './visual-query.ts';

export interface NewSeparationModel {
  id: string;
  baseVersion: string;
  description: string;
  /** Bytes of the video tower's graph, and what it takes. */
  guide: { graph: Uint8Array } & Omit<SeparationManifest['guide'], 'file' | 'sha256'>;
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
  const { graph, ...seen } = guide;
  let parameterCount = 0;
  for (const { size } of network.store.trainable.values()) parameterCount += size;
  const manifest: SeparationManifest = {
    format: 'earshot-separation/1',
    id,
    version: `${baseVersion}+${weights.sha256.slice(0, 8)}`,
    description,
    network: network.options,
    bias: network.bias,
    guide: { ...(await write('guide.onnx', graph)), ...seen },
    weights: { ...weights, parameterCount },
    serving: {
      maps: await write('maps.onnx', mapsGraph(network)),
      query: await write('query.onnx', queryGraph(network)),
    },
    training,
  };
  await writeSeparationManifest(folder, manifest);
  return manifest;
}

/** Input `mixture` `[batch, steps, 128, 4]`; output `maps` `[batch, steps, 512, K]`. */
export function mapsGraph({ audio, options }: SeparationNetwork): Uint8Array {
  const graph = new OnnxGraphBuilder('separation-maps');
  const mixture = graph.input('mixture', 'float32', ['batch', 'steps', BLOCK_ROWS, BLOCK_POINTS]);
  const shape = ['batch', 'steps', BLOCK_ROWS * BLOCK_POINTS, options.featureMaps] as const;
  graph.output('maps', audio.toOnnx(graph, mixture), 'float32', shape);
  return graph.toBytes();
}

/** Inputs `appearance` `[batch, 1, queries, width]` and `motion` `[batch, steps, queries, width]`; output `query`. */
export function queryGraph(network: SeparationNetwork): Uint8Array {
  const { options } = network;
  const graph = new OnnxGraphBuilder('separation-query');
  const appearance = graph.input('appearance', 'float32', ['batch', 1, 'queries', appearanceWidth(options)]);
  const motion = graph.input('motion', 'float32', ['batch', 'steps', 'queries', motionWidth(options)]);
  const shape = ['batch', 'steps', 'queries', options.featureMaps] as const;
  graph.output('query', network.queryToOnnx(graph, appearance, motion), 'float32', shape);
  return graph.toBytes();
}
