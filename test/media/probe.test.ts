/** Every kind of file is described rightly or refused with a code and the file's name, before it is decoded. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { decodeFrames, decodeSamples } from '#media/decode';
import { probe } from '#media/probe';
import { makeThumbnail } from '#media/thumbnail';
import { waveformPeaks } from '#media/waveform';
import { ffmpeg, temporaryFolder } from './make-media.ts';

const folder = temporaryFolder();
const at = (name: string) => join(folder, name);
const PICTURE = ['-f', 'lavfi', '-i', 'testsrc=size=64x48:rate=25:duration=2'];
const SOUND = ['-f', 'lavfi', '-i', 'sine=440:r=44100:d=2'];
const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p'];

beforeAll(() => {
  ffmpeg(...PICTURE, ...SOUND, ...H264, '-c:a', 'aac', at('clip.mp4'));
  ffmpeg('-f', 'lavfi', '-i', 'testsrc=size=64x48', '-frames:v', '1', at('picture.png'));
});

describe('described', () => {
  it('sound and picture of a clip', async () => {
    const info = await probe(at('clip.mp4'));
    expect(info).toMatchObject({ container: 'mp4', mimeType: 'video/mp4', startSec: 0, isStillImage: false });
    expect(info.durationSec).toBeCloseTo(2, 1);
    expect(info.video).toMatchObject({
      codec: 'h264',
      width: 64,
      height: 48,
      frameRateHz: 25,
      hasAlpha: false,
    });
    expect(info.audio).toMatchObject({ codec: 'aac', sampleRateHz: 44100, channels: 1 });
  });

  it('a cover picture is not video', async () => {
    ffmpeg(
      ...SOUND,
      '-i',
      at('picture.png'),
      '-map',
      '0',
      '-map',
      '1',
      '-disposition:v',
      'attached_pic',
      at('c.mp3'),
    );
    expect(await probe(at('c.mp3'))).toMatchObject({ container: 'mp3', video: null, mimeType: 'audio/mpeg' });
  });

  it('a turned picture has its displayed size and is decoded upright', async () => {
    ffmpeg(
      '-f',
      'lavfi',
      '-i',
      'color=red:s=64x32:d=1,drawbox=w=32:color=blue:t=fill',
      ...H264,
      at('flat.mp4'),
    );
    ffmpeg('-i', at('flat.mp4'), '-c', 'copy', '-metadata:s:v:0', 'rotate=90', at('turned.mp4'));
    const info = await probe(at('turned.mp4'));
    expect(info.video).toMatchObject({ width: 32, height: 64 });
    expect([90, 270]).toContain(info.video?.rotationDegrees);
    const { data } = await decodeFrames(at('turned.mp4'), { rateHz: 1, width: 2, height: 4, info });
    const isRed = (row: number) => (data[row * 6] as number) > (data[row * 6 + 2] as number);
    expect([isRed(0), isRed(3)]).toEqual(info.video?.rotationDegrees === 90 ? [false, true] : [true, false]);
  });

  it.each(['jpg', 'png', 'webp', 'bmp', 'gif'])('a still %s repeats its one frame', async (extension) => {
    ffmpeg('-i', at('picture.png'), '-frames:v', '1', at(`still.${extension}`));
    expect(await probe(at(`still.${extension}`))).toMatchObject({
      isStillImage: true,
      durationSec: 0,
      audio: null,
    });
    const size = { rateHz: 4, width: 8, height: 8 };
    const { data, count } = await decodeFrames(at(`still.${extension}`), { ...size, startSec: 3, endSec: 4 });
    expect(count).toBe(4);
    expect(data.subarray(0, 192)).toEqual(data.subarray(3 * 192));
  });

  it('transparency lies on black', async () => {
    ffmpeg('-f', 'lavfi', '-i', 'color=white@0.5:s=16x16,format=rgba', '-frames:v', '1', at('alpha.png'));
    expect((await probe(at('alpha.png'))).video?.hasAlpha).toBe(true);
    const { data } = await decodeFrames(at('alpha.png'), { rateHz: 1, width: 2, height: 2 });
    expect(Math.abs((data[0] as number) - 127)).toBeLessThan(4);
  });

  it('a recording without a duration in its header', async () => {
    ffmpeg(...PICTURE, ...SOUND, '-c:v', 'libvpx', '-c:a', 'libopus', '-live', '1', at('live.webm'));
    expect((await probe(at('live.webm'))).durationSec).toBeCloseTo(2, 1);
  });

  it('names full of special characters are plain files', async () => {
    for (const name of ['-i http:evil.mp4', 'a%03d*{b}.mp4', "it's:\n new?.mp4"]) {
      writeFileSync(at(name), readFileSync(at('clip.mp4')));
      expect((await probe(at(name))).container).toBe('mp4');
      expect((await decodeFrames(at(name), { rateHz: 2, width: 4, height: 4 })).count).toBe(4);
    }
    writeFileSync(at('p%03d.png'), readFileSync(at('picture.png')));
    expect((await decodeFrames(at('p%03d.png'), { rateHz: 2, width: 4, height: 4 })).count).toBe(1);
  });
});

describe('refused', () => {
  const ISO_START = Buffer.from('00000020667479706d703432', 'hex');
  const file = (name: string, content: string | Buffer) => {
    writeFileSync(at(name), content);
    return at(name);
  };
  it.each([
    ['a missing file', 'file_not_found', () => at('nothing.mp4')],
    ['an empty file', 'media_empty', () => file('empty.mp4', '')],
    ['a folder', 'file_unreadable', () => folder],
    [
      'text named mp4',
      'media_unrecognised',
      () => file('text.mp4', 'Just some words, no film.\n'.repeat(40)),
    ],
    [
      'an mp4 without its index',
      'media_truncated',
      () => file('cut.mp4', readFileSync(at('clip.mp4')).subarray(0, 6000)),
    ],
    ['the start of an mp4', 'media_truncated', () => file('head.mp4', ISO_START)],
    [
      'a playlist',
      'media_unrecognised',
      () =>
        file(
          'list.mp4',
          `#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\n${at('clip.mp4')}\n#EXT-X-ENDLIST\n`,
        ),
    ],
    [
      'a concat script',
      'media_unrecognised',
      () => file('script.mp4', `ffconcat version 1.0\nfile ${at('clip.mp4')}\n`),
    ],
    ['a WAV without samples', 'media_no_streams', () => file('void.wav', emptyWav())],
  ] as const)('%s', async (_, code, make) => {
    const path = make();
    await expect(probe(path)).rejects.toMatchObject({ code, subject: path });
  });

  it.each([
    ['media_too_long', { maxDurationSec: 1 }],
    ['media_too_large', { maxWidth: 32 }],
    ['media_too_large', { maxPixels: 1000 }],
    ['media_too_large', { maxFileBytes: 100 }],
    ['media_too_many_streams', { maxStreams: 1 }],
  ] as const)('%s beyond %o', async (code, limits) => {
    await expect(probe(at('clip.mp4'), { limits })).rejects.toMatchObject({ code, subject: at('clip.mp4') });
  });

  it('a picture that declares to be huge', async () => {
    const png = Buffer.from(readFileSync(at('picture.png')));
    png.writeUInt32BE(60000, 16);
    png.writeUInt32BE(60000, 20);
    await expect(probe(file('huge.png', png))).rejects.toMatchObject({ code: 'media_too_large' });
  });

  it('the modality a file lacks', async () => {
    ffmpeg(...SOUND, at('sound.wav'));
    const frames = decodeFrames(at('sound.wav'), { rateHz: 1, width: 4, height: 4 });
    await expect(frames).rejects.toMatchObject({ code: 'modality_missing' });
    const samples = decodeSamples(at('picture.png'), { sampleRateHz: 8000 });
    await expect(samples).rejects.toMatchObject({ code: 'modality_missing' });
  });
});

it('a thumbnail is a JPEG of the asked width', async () => {
  writeFileSync(at('thumb.jpg'), await makeThumbnail(at('clip.mp4'), { width: 32, atSec: 1 }));
  expect(await probe(at('thumb.jpg'))).toMatchObject({ container: 'jpeg', video: { width: 32, height: 24 } });
});

it('a waveform outlines the sound', async () => {
  ffmpeg('-f', 'lavfi', '-i', "aevalsrc='if(lt(t,1),0,0.5*sin(880*PI*t))':s=16000:d=2", at('half.wav'));
  const peaks = await waveformPeaks(at('half.wav'), { buckets: 4 });
  expect(peaks.slice(0, 2)).toEqual([
    [0, 0],
    [0, 0],
  ]);
  expect(peaks[3]?.[0]).toBeCloseTo(-0.5, 2);
  expect(peaks[3]?.[1]).toBeCloseTo(0.5, 2);
});

function emptyWav(): Buffer {
  const wav = Buffer.alloc(44);
  wav.write('RIFF$\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0', 'latin1');
  wav.writeUInt32LE(8000, 24);
  wav.writeUInt32LE(16000, 28);
  wav.writeUInt16LE(2, 32);
  wav.writeUInt16LE(16, 34);
  wav.write('data', 36);
  return wav;
}
