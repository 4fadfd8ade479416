import { EarshotError } from '#core/errors';
import type { Modality } from '../catalog-service.ts';

/** Of a file that lacks what a question is about. */
export function modalityMissing(modality: Modality, name: string): EarshotError {
  const what = modality === 'audio' ? 'sound to hear' : 'picture to see';
  return new EarshotError('modality_missing', `"${name}" has no ${what}.`, { subject: name });
}
