/** The grouping network in a model's folder: two files of its own beside the towers that it sits on. */
import path from 'node:path';
import type { NamedArray } from '../layers/parameters.ts';
import { readCheckedFile, sha256, writeFileAtomically, writeManifest } from './checkpoint.ts';
import type { GroupingCalibration, ModelManifest } from './manifest.ts';
import { decodeSafetensors, encodeSafetensors } from './safetensors.ts';

const FILES = { weights: 'grouping.safetensors', serving: 'grouping.onnx' };

/** What a grouping network is made with. */
export interface GroupingShape {
  width: number;
  labels: string[];
  grouping: boolean;
}

/**
 * Puts a grouping network beside the towers that it was trained on, in place of the one that may be there.
 *
 * @returns the manifest as written
 */
export async function writeGrouping(
  folder: string,
  manifest: ModelManifest,
  head: GroupingShape & {
    arrays: readonly NamedArray[];
    parameterCount: number;
    graph: Uint8Array;
    calibration: GroupingCalibration;
    training: Record<string, unknown>;
  },
): Promise<ModelManifest> {
  const bytes = encodeSafetensors(head.arrays, { model: manifest.id });
  await writeFileAtomically(path.join(folder, FILES.weights), bytes);
  await writeFileAtomically(path.join(folder, FILES.serving), head.graph);
  const { training: ofTowers, heads, calibration, ...rest } = manifest;
  const { width, labels, grouping, parameterCount, training } = head;
  const extended: ModelManifest = {
    ...rest,
    calibration: { ...calibration, grouping: head.calibration },
    heads: {
      ...heads,
      grouping: {
        ...{ width, labels, grouping },
        weights: { file: FILES.weights, sha256: sha256(bytes), parameterCount },
        serving: { file: FILES.serving, sha256: sha256(head.graph) },
        training,
      },
    },
    training: ofTowers,
  };
  await writeManifest(folder, extended);
  return extended;
}

/**
 * A grouping network's weights, or null where the folder has none.
 *
 * @throws EarshotError `checkpoint_invalid` when the file is missing or damaged
 */
export async function readGroupingWeights(
  folder: string,
  { heads }: ModelManifest,
): Promise<NamedArray[] | null> {
  if (!heads?.grouping) return null;
  const { weights } = heads.grouping;
  return decodeSafetensors(await readCheckedFile(folder, weights), path.join(folder, weights.file));
}
