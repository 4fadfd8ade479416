/** Real clips and reference outputs lie beside a developer's checkout; where they do not, tests skip and say so. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../shared/data/', import.meta.url));

/** Path of a file or folder of the shared data, or null where it is missing. */
export function sharedData(...parts: string[]): string | null {
  const file = path.join(root, ...parts);
  return existsSync(file) ? file : null;
}
