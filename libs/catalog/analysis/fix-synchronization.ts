/** Mends what `synchronize` found: a copy of the file with its sound moved back. */
import { EarshotError } from '#core/errors';
import { probe } from '#media/probe';
import { shiftSound } from '#media/shift-sound';
import type { Synchronization } from '../catalog-service.ts';

/**
 * @param file    the file that was asked about
 * @param outFile where the copy goes
 * @param found   by how much its sound is ahead, and will be delayed
 * @throws EarshotError `not_enough_data` where no offset was found; else as `shiftSound`
 */
export async function fixSynchronization(
  file: string,
  outFile: string,
  { offsetSec }: Pick<Synchronization, 'offsetSec'>,
  options: { signal?: AbortSignal } = {},
): Promise<void> {
  if (offsetSec === null) {
    const message = `There is nothing in "${file}" to synchronise by, so nothing was written.`;
    throw new EarshotError('not_enough_data', message, { subject: file });
  }
  const info = await probe(file, options);
  await shiftSound(file, outFile, { delaySec: offsetSec, info, signal: options.signal });
}
