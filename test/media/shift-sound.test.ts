import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeSamples } from '#media/decode';
import { probe } from '#media/probe';
import { shiftSound } from '#media/shift-sound';

const run = promisify(execFile);
const ffmpeg = (...args: string[]) => run('ffmpeg', ['-v', 'error', '-nostdin', '-y', ...args]);

let folder: string;
let clip: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'earshot-shift-'));
  clip = path.join(folder, 'clip.mp4');
  const sound = "aevalsrc='0.4*sin(2*PI*500*t)*gte(t,1.5)':s=44100:d=4";
  const inputs = ['-f', 'lavfi', '-i', 'testsrc=s=128x96:r=25:d=4', '-f', 'lavfi', '-i', sound];
  await ffmpeg(...inputs, '-c:v', 'libx264', '-bf', '2', '-pix_fmt', 'yuv420p', '-c:a', 'aac', clip);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** When the tone begins. */
async function onsetSec(file: string): Promise<number> {
  const { data, sampleRateHz } = await decodeSamples(file, { sampleRateHz: 16_000 });
  return data.findIndex((sample) => Math.abs(sample) > 0.1) / sampleRateHz;
}

/** Of the picture's packets as they lie in the file. */
async function pictureHash(file: string): Promise<string> {
  const { stdout } = await run('ffmpeg', [
    '-v',
    'error',
    '-i',
    file,
    '-map',
    '0:v',
    '-c',
    'copy',
    '-f',
    'md5',
    '-',
  ]);
  return stdout.trim();
}

describe('shiftSound', () => {
  it.each([
    ['later.mp4', 0.35],
    ['earlier.mp4', -0.61],
    ['later.mkv', 0.2],
  ])('moves the sound and copies the picture as it is (%s)', async (name, delaySec) => {
    const out = path.join(folder, name);
    await shiftSound(clip, out, { delaySec, info: await probe(clip) });
    expect((await onsetSec(out)) - (await onsetSec(clip))).toBeCloseTo(delaySec, 2);
    if (name.endsWith('.mp4')) expect(await pictureHash(out)).toBe(await pictureHash(clip));
    const info = await probe(out);
    expect(info.video?.startSec).toBeLessThan(0.05);
    expect(info.audio?.startSec).toBeLessThan(0.05);
  });

  it('counts from the container, whatever its clock begins with', async () => {
    const stream = path.join(folder, 'stream.ts');
    await ffmpeg('-i', clip, '-c', 'copy', stream);
    const out = path.join(folder, 'of-stream.mp4');
    await shiftSound(stream, out, { delaySec: 0.3, info: await probe(stream) });
    expect((await onsetSec(out)) - (await onsetSec(stream))).toBeCloseTo(0.3, 1);
  });

  it('leaves nothing behind where it fails, and says what to do', async () => {
    const info = await probe(clip);
    await expect(shiftSound(clip, clip, { delaySec: 0.1, info })).rejects.toMatchObject({
      code: 'invalid_argument',
    });
    for (const name of ['out.nonsense', 'out.wav', 'none/out.mp4'])
      await expect(shiftSound(clip, path.join(folder, name), { delaySec: 0.1, info })).rejects.toMatchObject({
        code: 'invalid_argument',
        subject: path.join(folder, name),
      });
    await expect(
      shiftSound(clip, path.join(folder, 'x.mp4'), { delaySec: 0.1, info: { ...info, audio: null } }),
    ).rejects.toMatchObject({ code: 'modality_missing' });
    expect(
      (await readdir(folder)).filter((name) => name.includes('.part') || name.startsWith('out')),
    ).toEqual([]);
  });
});
