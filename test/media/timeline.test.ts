/** Sound and picture share one timeline, whatever the container does with its streams' times. */
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { decodeFrames, decodeSamples } from '#media/decode';
import { click, ffmpeg, flash, flashAndClick, temporaryFolder } from './make-media.ts';

const FRAME_SEC = 0.04;
const folder = temporaryFolder();
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];
const VP9 = ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8'];
const BFRAMES = ['-c:v', 'libx264', '-preset', 'veryfast', '-bf', '3', '-g', '50', '-pix_fmt', 'yuv420p'];

const COMBINATIONS: [name: string, file: string, codecs: string[]][] = [
  ['mp4 with AAC', 'a.mp4', [...BFRAMES, '-c:a', 'aac']],
  ['mp4 with MP3', 'b.mp4', [...H264, '-c:a', 'libmp3lame']],
  ['mp4 with Opus', 'c.mp4', [...H264, '-c:a', 'libopus', '-ar', '48000']],
  ['mp4 in fragments', 'd.mp4', [...BFRAMES, '-c:a', 'aac', '-movflags', 'frag_keyframe+empty_moov']],
  ['mov with PCM', 'a.mov', [...BFRAMES, '-c:a', 'pcm_s16le']],
  ['mov with AAC', 'b.mov', [...BFRAMES, '-c:a', 'aac']],
  ['mkv with AAC', 'a.mkv', [...BFRAMES, '-c:a', 'aac']],
  ['mkv with FLAC', 'b.mkv', [...H264, '-c:a', 'flac']],
  ['mkv with Opus', 'c.mkv', [...H264, '-c:a', 'libopus', '-ar', '48000']],
  ['webm with Opus', 'a.webm', [...VP9, '-c:a', 'libopus', '-ar', '48000']],
  ['webm with Vorbis', 'b.webm', [...VP9, '-c:a', 'libvorbis']],
  ['avi with MP3', 'a.avi', ['-c:v', 'mpeg4', '-c:a', 'libmp3lame']],
  ['avi with PCM', 'b.avi', [...H264, '-bf', '0', '-c:a', 'pcm_s16le']],
  ['mpg with MP2', 'a.mpg', ['-c:v', 'mpeg2video', '-bf', '2', '-c:a', 'mp2']],
  ['ts with AAC', 'a.ts', [...BFRAMES, '-c:a', 'aac']],
  ['ts with MP2', 'b.ts', [...H264, '-c:a', 'mp2']],
];

describe.each(COMBINATIONS)('%s', (_, name, codecs) => {
  const file = join(folder, name);

  it('keeps flash and click together, from the start and after a seek', async () => {
    ffmpeg(...flash(3, 5), ...click(3, 5), ...codecs, file);
    const whole = await flashAndClick(file);
    expect(Math.abs(whole.flashSec - whole.clickSec)).toBeLessThanOrEqual(FRAME_SEC);
    // Time zero is the earliest start of any stream, which encoder delay may put a little before the picture's.
    expect(Math.abs(whole.flashSec - 3)).toBeLessThan(0.1);

    const window = await flashAndClick(file, { startSec: 2.6, endSec: 3.6 });
    expect(Math.abs(window.flashSec - whole.flashSec)).toBeLessThanOrEqual(0.0101);
    expect(Math.abs(window.clickSec - whole.clickSec)).toBeLessThanOrEqual(0.002);
  });
});

describe.each([
  ['mp4', [...BFRAMES, '-c:a', 'aac']],
  ['mov', [...BFRAMES, '-c:a', 'pcm_s16le']],
  ['mkv', [...BFRAMES, '-c:a', 'aac']],
  ['webm', [...VP9, '-c:a', 'libopus', '-ar', '48000']],
  ['ts', [...BFRAMES, '-c:a', 'aac']],
] as const)('shifted streams in %s', (extension, codecs) => {
  const maps = ['-map', '0:v', '-map', '1:a'];
  it.each([
    ['sound', 0.5],
    ['picture', -0.5],
  ] as const)('a delayed %s is heard or seen late by as much', async (which, expectedSec) => {
    const file = join(folder, `shifted-${which}.${extension}`);
    const delay = ['-itsoffset', '0.5'];
    const inputs =
      which === 'sound'
        ? [...flash(2, 4), ...delay, ...click(2, 4)]
        : [...delay, ...flash(2, 4), ...click(2, 4)];
    ffmpeg(...inputs, ...maps, ...codecs, file);
    for (const window of [{}, { startSec: 1.7, endSec: 3.2 }]) {
      const { flashSec, clickSec } = await flashAndClick(file, window);
      expect(Math.abs(clickSec - flashSec - expectedSec)).toBeLessThanOrEqual(FRAME_SEC);
    }
    // The gap before a late stream is filled: silence, or its first frame.
    const head = await decodeSamples(file, { sampleRateHz: 16000, startSec: 0, endSec: 0.4 });
    expect(head.data.length).toBe(6400);
    const picture = await decodeFrames(file, { rateHz: 10, width: 8, height: 8, startSec: 0, endSec: 0.4 });
    expect(picture.count).toBe(4);
  });
});

it('a timeline that does not begin at zero is counted from its beginning', async () => {
  const file = join(folder, 'late.mkv');
  ffmpeg(...flash(2, 4), ...click(2, 4), ...H264, '-c:a', 'pcm_s16le', '-output_ts_offset', '7', file);
  const { flashSec, clickSec } = await flashAndClick(file, { startSec: 1.5, endSec: 2.5 });
  expect(Math.abs(flashSec - 2)).toBeLessThanOrEqual(FRAME_SEC);
  expect(Math.abs(clickSec - 2)).toBeLessThanOrEqual(0.002);
});

it.each(['mp4', 'mkv'])(
  'a variable frame rate in %s keeps every frame at its own time',
  async (extension) => {
    const file = join(folder, `vfr.${extension}`);
    // Half of the frames of the first second and four fifths of the others are gone.
    const drop = ['-vf', "select='if(lt(t,1),not(mod(n,2)),not(mod(n,5)))'", '-fps_mode', 'vfr'];
    ffmpeg(...flash(2, 4), ...click(2, 4), ...drop, ...H264, '-c:a', 'aac', file);
    const { flashSec, clickSec } = await flashAndClick(file);
    expect(flashSec).toBeCloseTo(2, 1);
    expect(Math.abs(flashSec - clickSec)).toBeLessThanOrEqual(FRAME_SEC);
  },
);

it('frame i is what is on screen at its instant, never the nearest in the future', async () => {
  const file = join(folder, 'onscreen.mp4');
  ffmpeg(...flash(1, 2, 5), ...H264, file);
  const { data } = await decodeFrames(file, { rateHz: 10, width: 1, height: 1, startSec: 0.85, endSec: 1.3 });
  const bright = Array.from({ length: data.length / 3 }, (_, i) => (data[i * 3] as number) > 128);
  // 0.85 and 0.95 s show the frame of 0.8 s; the flash is the frame of 1.0 s and lasts to 1.2 s.
  expect(bright).toEqual([false, false, true, true, false]);
});
