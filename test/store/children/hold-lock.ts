/** Locks the data folder given as argument and holds it; a line on stdin releases it. */
import { once } from 'node:events';
import { asEarshotError } from '#core/errors';
import { lockDataFolder } from '#store/data-folder-lock';

const [folder, url] = process.argv.slice(2);
try {
  const lock = await lockDataFolder(folder as string);
  if (url) await lock.setUrl(url);
  process.stdout.write('owner\n');
  await once(process.stdin, 'data');
  await lock.release();
  process.stdout.write('released\n');
  process.exit(0);
} catch (error) {
  process.stdout.write(`${asEarshotError(error).code}\n`);
  process.exit(1);
}
