/** Heads in a model's folder that sit on its towers: two files of their own each, and what goes with them. */
import path from 'node:path';
import type { NamedArray } from '../layers/parameters.ts';
import { readCheckedFile, sha256, writeFileAtomically, writeManifest } from './checkpoint.ts';
import type { GroupingCalibration, LocalizationCalibration, ModelManifest } from './manifest.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';

type HeadName = 'localization' | 'grouping';

interface TrainedHead {
  arrays: readonly NamedArray[];
  parameterCount: number;
  /** What serves. */
  graph: Uint8Array;
  training: Record<string, unknown>;
}

/** What a grouping network is made with. */
export interface GroupingShape {
  width: number;
  labels: string[];
  grouping: boolean;
}

/**
 * Puts a localization head beside the towers that it was trained on, in place of the one that may be there.
 *
 * @returns the manifest as written
 */
export async function writeLocalizationHead(
  folder: string,
  manifest: ModelManifest,
  head: TrainedHead & { width: number; calibration: LocalizationCalibration },
): Promise<ModelManifest> {
  const localization = { width: head.width, ...(await writeFiles(folder, manifest, 'localization', head)) };
  return extend(folder, manifest, { localization }, { localization: head.calibration });
}

/**
 * Puts a grouping network beside the towers that it was trained on, in place of the one that may be there.
 *
 * @returns the manifest as written
 */
export async function writeGrouping(
  folder: string,
  manifest: ModelManifest,
  head: TrainedHead & GroupingShape & { calibration: GroupingCalibration },
): Promise<ModelManifest> {
  const { width, labels, ...network } = head;
  const files = await writeFiles(folder, manifest, 'grouping', network);
  const grouping = { width, labels, grouping: network.grouping, ...files };
  return extend(folder, manifest, { grouping }, { grouping: head.calibration });
}

/**
 * A head's weights, or null where the folder has none.
 *
 * @throws EarshotError `checkpoint_invalid` when the file is missing or damaged
 */
export async function readHeadWeights(
  folder: string,
  { heads }: ModelManifest,
  name: HeadName,
): Promise<NamedArray[] | null> {
  const weights = heads?.[name]?.weights;
  if (!weights) return null;
  return decodeSafetensors(await readCheckedFile(folder, weights), path.join(folder, weights.file));
}

async function writeFiles(
  folder: string,
  { id }: ModelManifest,
  name: HeadName,
  { arrays, graph, parameterCount, training }: TrainedHead,
) {
  const bytes = encodeSafetensors(arrays, { model: id });
  const [weights, serving] = [`${name}.safetensors`, `${name}.onnx`];
  await writeFileAtomically(path.join(folder, weights), bytes);
  await writeFileAtomically(path.join(folder, serving), graph);
  return {
    weights: { file: weights, sha256: sha256(bytes), parameterCount },
    serving: { file: serving, sha256: sha256(graph) },
    training,
  };
}

async function extend(
  folder: string,
  { training, heads, calibration, ...rest }: ModelManifest,
  newHeads: ModelManifest['heads'],
  newCalibration: ModelManifest['calibration'],
): Promise<ModelManifest> {
  const extended = {
    ...rest,
    calibration: { ...calibration, ...newCalibration },
    heads: { ...heads, ...newHeads },
    training,
  };
  await writeManifest(folder, extended);
  return extended;
}
