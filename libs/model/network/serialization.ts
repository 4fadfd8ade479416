/** A whole model as one run of bytes: a safetensors file that carries its `model.json` in the header. */
import { EarshotError } from '#core/errors';
import { sha256 } from '../checkpoint/checkpoint.ts';
import { type ModelManifest, parseTwoTowerManifest } from '../checkpoint/manifest.ts';
import { decodeSafetensors, encodeSafetensors, safetensorsMetadata } from '../checkpoint/safetensors.ts';
import type { NamedArray } from '../layers/parameters.ts';
import type { NetworkManifest } from './options.ts';

const MANIFEST_KEY = 'earshot-model';
const SUBJECT = 'The serialized model';

/** Hash of the arrays alone, as in a model folder. */
export function weightsHash(id: string, arrays: readonly NamedArray[]): string {
  return sha256(encodeSafetensors(arrays, { model: id }));
}

export function encodeModel(
  manifest: NetworkManifest,
  arrays: readonly NamedArray[],
  parameterCount: number,
): Uint8Array {
  const whole: ModelManifest = {
    format: 'earshot-model/1',
    ...manifest,
    weights: {
      file: 'weights.safetensors',
      sha256: weightsHash(manifest.id, arrays),
      parameterCount,
    },
  };
  // In the schema's order of fields, or a model that was read back would be written differently.
  const inOrder = parseTwoTowerManifest(whole, SUBJECT);
  return encodeSafetensors(arrays, { model: manifest.id, [MANIFEST_KEY]: JSON.stringify(inOrder) });
}

/** @throws EarshotError `checkpoint_invalid` for bytes that are damaged or no model, `model_invalid` for a bad manifest */
export function decodeModel(bytes: Uint8Array): { manifest: ModelManifest; arrays: NamedArray[] } {
  const json = safetensorsMetadata(bytes, SUBJECT)[MANIFEST_KEY];
  if (json === undefined) {
    const message = `${SUBJECT} carries no description: it was not written by serialize().`;
    throw new EarshotError('checkpoint_invalid', message, { subject: MANIFEST_KEY });
  }
  const manifest = parseTwoTowerManifest(parseJson(json), SUBJECT);
  const arrays = decodeSafetensors(bytes, SUBJECT);
  if (weightsHash(manifest.id, arrays) !== manifest.weights.sha256) {
    const message = `${SUBJECT} is damaged: its weights have another checksum than its description states.`;
    throw new EarshotError('checkpoint_invalid', message, { subject: 'weights' });
  }
  return { manifest, arrays };
}

function parseJson(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (cause) {
    throw new EarshotError('checkpoint_invalid', `${SUBJECT} has a damaged description.`, {
      subject: MANIFEST_KEY,
      cause,
    });
  }
}
