/** Exchanging a model's folder for another that is whole. */
import { rename, rm } from 'node:fs/promises';

/** What was there before is moved out of the way first; it is put back when the new one can't take its place. */
export async function replaceFolder(staging: string, folder: string): Promise<void> {
  const old = `${staging}.old`;
  await rm(old, { recursive: true, force: true });
  const hadOld = await rename(folder, old).then(
    () => true,
    () => false,
  );
  try {
    await rename(staging, folder);
  } catch (error) {
    if (hadOld) await rename(old, folder);
    throw error;
  }
  await rm(old, { recursive: true, force: true });
}
