/** Tiny media files made on the spot with ffmpeg, and measurements on what is decoded from them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { decodeFrames, decodeSamples } from '#media/decode';

/** A folder that is gone when the test file is done. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'earshot-media-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export function ffmpeg(...args: string[]): void {
  const { status, stderr } = spawnSync('ffmpeg', ['-nostdin', '-v', 'error', '-y', ...args], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`ffmpeg ${args.join(' ')}: ${stderr}`);
}

/** Black with a white flash of 0.2 s. */
export function flash(atSec: number, durationSec: number, rateHz = 25): string[] {
  const enable = `enable='between(t,${atSec - 0.001},${atSec + 0.199})'`;
  const source = `color=black:s=160x120:r=${rateHz}:d=${durationSec}`;
  return ['-f', 'lavfi', '-i', `${source},drawbox=${enable}:color=white:t=fill`];
}

/** Silence with a beep of 0.1 s. */
export function click(atSec: number, durationSec: number, rateHz = 44100): string[] {
  const sound = `if(between(t,${atSec},${atSec + 0.1}),0.8*sin(2*PI*1000*(t-${atSec})),0)`;
  return ['-f', 'lavfi', '-i', `aevalsrc='${sound}':s=${rateHz}:d=${durationSec}`];
}

/** When the flash and the beep begin, as decoded; -1 where there is none. */
export async function flashAndClick(
  file: string,
  window: { startSec?: number; endSec?: number } = {},
): Promise<{ flashSec: number; clickSec: number }> {
  const frames = await decodeFrames(file, { rateHz: 100, width: 16, height: 16, ...window });
  const samples = await decodeSamples(file, { sampleRateHz: 16000, ...window });
  const brightness = (index: number) => frames.data[index * 16 * 16 * 3 + 8 * 16 * 3 + 24] as number;
  const flashIndex = Array.from({ length: frames.count }, (_, i) => i).find((i) => brightness(i) > 128);
  const clickIndex = samples.data.findIndex((value) => Math.abs(value) > 0.2);
  return {
    flashSec: flashIndex === undefined ? -1 : frames.startSec + flashIndex / 100,
    clickSec: clickIndex < 0 ? -1 : samples.startSec + clickIndex / 16000,
  };
}
