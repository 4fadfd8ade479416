/** Whether instruments can be played here: the program and its soundfont are optional on a developer's machine. */
import { accessSync } from 'node:fs';
import { delimiter, join } from 'node:path';

function isReadable(path: string): boolean {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}

export const hasFluidsynth =
  isReadable('/usr/share/sounds/sf2/FluidR3_GM.sf2') &&
  (process.env.PATH ?? '').split(delimiter).some((folder) => isReadable(join(folder, 'fluidsynth')));
