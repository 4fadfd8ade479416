/** Small media files made on the spot; pitch and brightness carry the meaning that the fake model reads. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { toneHz } from './fake-model.ts';

const run = promisify(execFile);

export interface ClipRecipe {
  /** Position of the sound in [0, 1]; `silent` = a track without energy, null = no track. */
  sound: number | 'silent' | null;
  /** Position of the picture in [0, 1]; `black`, or null = no track. */
  picture: number | 'black' | null;
  durationSec: number;
  /** Any number: two clips of one recipe and another salt differ in their bytes. */
  salt?: number;
}

/** Writes the clip and answers its path. */
export async function makeClip(folder: string, name: string, recipe: ClipRecipe): Promise<string> {
  const file = path.join(folder, name);
  const { sound, picture, durationSec, salt = 0 } = recipe;
  const inputs: string[] = [];
  const codecs: string[] = [];
  if (picture !== null) {
    const level = picture === 'black' ? 0 : Math.round(picture * 255);
    const colour = `0x${level.toString(16).padStart(2, '0').repeat(3)}`;
    inputs.push('-f', 'lavfi', '-i', `color=c=${colour}:s=64x48:r=8:d=${durationSec}`);
    codecs.push('-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p');
  }
  if (sound !== null) {
    const source =
      sound === 'silent' ? 'anullsrc=r=16000:cl=mono' : `sine=f=${toneHz(sound).toFixed(2)}:r=16000`;
    inputs.push('-f', 'lavfi', '-t', String(durationSec), '-i', source);
    codecs.push(...(file.endsWith('.wav') ? ['-c:a', 'pcm_s16le'] : ['-c:a', 'aac', '-b:a', '48k']));
  }
  await ffmpeg([...inputs, ...codecs, '-metadata', `comment=${salt}`, file]);
  return file;
}

export async function ffmpeg(args: readonly string[]): Promise<void> {
  await run('ffmpeg', ['-hide_banner', '-v', 'error', '-nostdin', '-y', ...args]);
}

/** 6 s of black with a white flash and, `aheadSec` before it, a tone that begins: both until the end. */
export async function makeFlash(folder: string, name: string, aheadSec: number): Promise<string> {
  const file = path.join(folder, name);
  const flashSec = 2.4;
  const picture = `color=c=black:s=64x48:r=25:d=6,drawbox=c=white:t=fill:enable='gte(t,${flashSec})'`;
  const sound = `aevalsrc='0.3*sin(2*PI*440*t)*gte(t,${flashSec - aheadSec})':s=16000:d=6`;
  const codecs = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
  await ffmpeg(['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', sound, ...codecs, file]);
  return file;
}
