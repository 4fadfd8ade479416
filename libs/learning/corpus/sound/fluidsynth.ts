/**
 * Renders phrases with the program `fluidsynth`. Loading the soundfont costs more than rendering a phrase, so
 * many phrases go into one run, each in a slot of its own that starts on a whole second: a multiple of both the
 * synthesiser's 64-sample block and the MIDI tick, so that a phrase sounds the same to the bit in any slot.
 */

import { execFile } from 'node:child_process';
import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { EarshotError } from '#core/errors';
import { PERFORMANCE_RATE_HZ } from '../performance.ts';
import { POLYPHONY, writeMidiFile } from './midi-file.ts';
import type { Phrase } from './phrase.ts';

const run = promisify(execFile);

/** Room before the first slot for the messages that prepare it. */
const WARM_UP_SEC = 1;

export const DEFAULT_SOUND_FONT = '/usr/share/sounds/sf2/FluidR3_GM.sf2';

const INSTALL_HINT =
  'install the Debian packages fluidsynth and fluid-soundfont-gm (apt-get install fluidsynth fluid-soundfont-gm)';

interface RenderJob {
  phrase: Phrase;
  durationSec: number;
}

interface RenderOptions {
  soundFont: string;
  /** An existing folder for files that live as long as the call. */
  workDir: string;
  signal?: AbortSignal;
}

/**
 * Renders each phrase to mono samples at PERFORMANCE_RATE_HZ, the same to the bit whatever else is rendered.
 *
 * @returns one array a job, `[round(durationSec * PERFORMANCE_RATE_HZ)]`, not normalised
 * @throws EarshotError `invalid_argument` when fluidsynth or the soundfont is missing or useless, `cancelled` on abort
 */
export async function renderPhrases(
  jobs: readonly RenderJob[],
  options: RenderOptions,
): Promise<Float32Array[]> {
  if (jobs.length === 0) return [];
  await requireSoundFont(options.soundFont);
  const folder = await mkdtemp(join(options.workDir, 'fluidsynth-'));
  try {
    let endSec = WARM_UP_SEC;
    const slots = jobs.map((job) => {
      const startSec = endSec;
      endSec += Math.ceil(job.durationSec) + 1;
      return { startSec, startMs: startSec * 1000, phrase: job.phrase };
    });
    await writeFile(join(folder, 'in.mid'), writeMidiFile(slots, endSec * 1000));
    await writeFile(join(folder, 'empty.conf'), '');
    await runFluidsynth(folder, options);
    const stereo = await readFile(join(folder, 'out.raw'));
    return jobs.map((job, i) =>
      cutMono(stereo, (slots[i] as { startSec: number }).startSec, job.durationSec),
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** fluidsynth quietly plays its default soundfont where the given file is none, so the file is looked at first. */
async function requireSoundFont(soundFont: string): Promise<void> {
  const header = Buffer.alloc(12);
  try {
    const file = await open(soundFont);
    await file.read(header, 0, header.length, 0).finally(() => file.close());
  } catch (cause) {
    const message = `The soundfont ${soundFont} cannot be read: ${INSTALL_HINT}, or name another soundfont.`;
    throw new EarshotError('invalid_argument', message, { subject: 'soundFont', cause });
  }
  if (header.toString('latin1', 0, 4) !== 'RIFF' || header.toString('latin1', 8) !== 'sfbk') {
    const message = `${soundFont} is not a soundfont (SF2): ${INSTALL_HINT}, or name another soundfont.`;
    throw new EarshotError('invalid_argument', message, { subject: 'soundFont' });
  }
}

async function runFluidsynth(folder: string, options: RenderOptions): Promise<void> {
  // Reverb and chorus carry state from one slot to the next; float output has no dither, whose phase would too.
  const args = ['-q', '-ni', '-f', join(folder, 'empty.conf'), '-R', '0', '-C', '0', '-g', '0.3'];
  args.push('-o', `synth.polyphony=${POLYPHONY}`);
  args.push('-r', String(PERFORMANCE_RATE_HZ), '-T', 'raw', '-O', 'float', '-F', join(folder, 'out.raw'));
  args.push(options.soundFont, join(folder, 'in.mid'));
  try {
    await run('fluidsynth', args, { signal: options.signal, maxBuffer: 16 * 1024 * 1024 });
  } catch (cause) {
    if (options.signal?.aborted) {
      throw new EarshotError('cancelled', 'Rendering the corpus was cancelled.', { cause });
    }
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') {
      const message = `The program fluidsynth was not found: ${INSTALL_HINT}.`;
      throw new EarshotError('invalid_argument', message, { subject: 'fluidsynth', cause });
    }
    throw new EarshotError('internal', `fluidsynth failed: ${(cause as Error).message}`, { cause });
  }
}

/** The mean of both channels over one slot of little-endian float32 stereo. */
function cutMono(stereo: Buffer, startSec: number, durationSec: number): Float32Array {
  const samples = new Float32Array(Math.round(durationSec * PERFORMANCE_RATE_HZ));
  const first = startSec * PERFORMANCE_RATE_HZ;
  const frames = Math.min(samples.length, Math.floor(stereo.length / 8) - first);
  let sounds = false;
  for (let i = 0; i < frames; i++) {
    const at = (first + i) * 8;
    samples[i] = 0.5 * (stereo.readFloatLE(at) + stereo.readFloatLE(at + 4));
    sounds ||= samples[i] !== 0;
  }
  // A soundfont may lack a preset or keys of it; silence in the corpus would teach nonsense.
  if (!sounds) {
    const message = `The soundfont plays nothing for a preset of the corpus: ${INSTALL_HINT}.`;
    throw new EarshotError('invalid_argument', message, { subject: 'soundFont' });
  }
  return samples;
}
