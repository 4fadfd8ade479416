import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LocalCatalogService, Localization } from '#catalog/catalog-service';
import { probe } from '#media/probe';
import { ffmpeg, makeClip } from '../support/make-clips.ts';
import { ingest, OPEN_MS, openTestCatalog, removeFolder, temporaryFolder } from '../support/test-catalog.ts';

let folder: string;
let catalog: LocalCatalogService;

beforeAll(async () => {
  folder = await temporaryFolder();
  catalog = await openTestCatalog(join(folder, 'data'));
}, OPEN_MS);
afterAll(async () => {
  await catalog.close();
  await removeFolder(folder);
});

/** A white square on black, at these pixels, with a tone. */
async function square(
  name: string,
  size: string,
  box: string,
  extra: readonly string[] = [],
): Promise<string> {
  const file = join(folder, name);
  const picture = `color=black:s=${size}:r=8:d=1.5,drawbox=${box}:color=white:t=fill`;
  const sound = 'sine=f=440:r=16000:d=1.5';
  const codec = name.endsWith('.mov') ? ['-c:v', 'qtrle', '-pix_fmt', 'argb'] : ['-pix_fmt', 'yuv420p'];
  await ffmpeg(['-f', 'lavfi', '-i', picture, '-f', 'lavfi', '-i', sound, ...codec, ...extra, file]);
  return file;
}

let asked = 0;
function localize(file: string, more: object = {}): Promise<Localization> {
  return catalog.localize({ subject: { file }, folder: join(folder, `out-${asked++}`), ...more });
}

/** Where the box lies in quarters of the frame. */
function quarters(found: Localization): string {
  const box = found.maps[0]?.box;
  if (!box) return 'nowhere';
  return [box.x, box.y, box.width, box.height].map((value) => Math.round(4 * value)).join(',');
}

describe('localize', () => {
  it('writes a 16-bit map in the size of the frame, pictures, and a film that keeps the sound', async () => {
    const file = await square('right.mp4', '160x96', 'x=80:y=48:w=80:h=48');
    const out = join(folder, 'whole');
    const found = await localize(file, { folder: out, overlays: 'film', mapsPerSec: 4 });
    expect(found).toMatchObject({ sounding: true, threshold: 0.5, mapThreshold: 0.5, sources: [] });
    expect(found.maps.map(({ timeSec }) => timeSec)).toEqual([0, 0.25, 0.5, 0.75, 1, 1.25]);
    expect(quarters(found)).toBe('2,2,2,2');
    const png = await readFile(join(out, found.maps[0]?.file as string));
    // Width, height and depth stand in the header.
    expect([png.readUInt32BE(16), png.readUInt32BE(20), png[24]]).toEqual([160, 96, 16]);
    expect(found.overlays).toHaveLength(6);
    const picture = await readFile(join(out, found.overlays[0]?.file as string));
    expect(picture.readUInt32BE(16)).toBe(480);
    const film = await probe(join(out, found.film as string));
    expect(film.audio).not.toBeNull();
    expect(film.durationSec).toBeCloseTo(1.5, 1);
  });

  it('names the sources, as many as there are, two of a kind where they stand apart', async () => {
    const file = join(folder, 'mixture.mp4');
    const boxes = [
      'x=0:y=0:w=32:h=32:color=red',
      'x=64:y=0:w=32:h=32:color=blue',
      'x=64:y=64:w=32:h=32:color=red',
    ];
    const picture = ['color=black:s=96x96:r=8:d=1', ...boxes.map((box) => `drawbox=${box}:t=fill`)].join(',');
    const sound = ['-f', 'lavfi', '-i', 'sine=f=440:r=16000:d=1'];
    await ffmpeg(['-f', 'lavfi', '-i', picture, ...sound, '-pix_fmt', 'yuv444p', '-crf', '1', file]);
    const out = join(folder, 'named');
    const { sources } = await localize(file, { folder: out, mapsPerSec: 2 });
    const placed = sources.map(
      ({ label, box }) => `${label} ${Math.round(3 * box.x)},${Math.round(3 * box.y)}`,
    );
    expect(placed.toSorted()).toEqual(['blue 2,0', 'red 0,0', 'red 2,2']);
    const files = sources.flatMap(({ maps }) => maps.map((map) => map.file));
    expect(new Set(files).size).toBe(6);
    const png = await readFile(join(out, files[0] as string));
    expect([png.readUInt32BE(16), png.readUInt32BE(20), png[24]]).toEqual([96, 96, 16]);
    // Asked about one sound, it answers that one alone.
    const asked = await localize(file, { mapsPerSec: 2, query: { file } });
    expect(asked.sources).toEqual([]);
  });

  it('finds a label that the model tells apart by its own map, and leaves out what else sounds', async () => {
    const file = join(folder, 'two.mp4');
    const boxes = ['x=0:y=0:w=32:h=32:color=red', 'x=64:y=64:w=32:h=32:color=blue'];
    const picture = ['color=black:s=96x96:r=8:d=1', ...boxes.map((box) => `drawbox=${box}:t=fill`)].join(',');
    const sound = ['-f', 'lavfi', '-i', 'sine=f=440:r=16000:d=1'];
    await ffmpeg(['-f', 'lavfi', '-i', picture, ...sound, '-pix_fmt', 'yuv444p', '-crf', '1', file]);
    const example = await makeClip(folder, 'example.mp4', { sound: 0.5, picture: 0.5, durationSec: 1 });
    await catalog.startWorker();
    const clip = await ingest(catalog, example);
    for (const label of ['blue', 'bright']) await catalog.addExamples(label, [clip.id]);
    const placed = async (label: string) => {
      const { sources } = await localize(file, { mapsPerSec: 1, query: { label } });
      const { x, y, width, height } = sources[0]?.box ?? { x: -1, y: -1, width: 0, height: 0 };
      return [x, y, width, height].map((value) => Math.round(3 * value)).join(',');
    };
    expect(await placed('blue')).toBe('2,2,1,1');
    // The model has no map of its own for this one: wherever it is bright.
    expect(await placed('bright')).not.toBe('2,2,1,1');
    expect((await localize(file, { query: { label: 'blue' } })).sources).toHaveLength(1);
  });

  it('says that silence comes from nowhere', async () => {
    const file = await makeClip(folder, 'still.mp4', { sound: 'silent', picture: 0.9, durationSec: 1 });
    const found = await localize(file);
    expect(found).toMatchObject({ sounding: false, confidence: 0 });
    expect(quarters(found)).toBe('nowhere');
  });

  it.each([
    ['a portrait', () => square('tall.mp4', '96x160', 'x=0:y=0:w=48:h=80'), [96, 160], '0,0,2,2'],
    ['a picture with alpha', () => square('alpha.mov', '96x96', 'x=48:y=0:w=48:h=48'), [96, 96], '2,0,2,2'],
    [
      'a frame of 4K',
      () => square('large.mp4', '3840x2160', 'x=0:y=1080:w=1920:h=1080'),
      [3840, 2160],
      '0,2,2,2',
    ],
  ])('finds the place in %s', async (_what, make, [width, height], place) => {
    const found = await localize(await make(), { mapsPerSec: 0.5 });
    expect(found.maps[0]).toMatchObject({ width, height });
    expect(quarters(found)).toBe(place);
  });

  it('turns a rotated video as players do', async () => {
    const upright = await square('upright.mp4', '160x96', 'x=0:y=0:w=80:h=48');
    const turned = join(folder, 'turned.mp4');
    await ffmpeg(['-i', upright, '-c', 'copy', '-metadata:s:v', 'rotate=90', turned]);
    const found = await localize(turned);
    expect(found.maps[0]).toMatchObject({ width: 96, height: 160 });
    // ffmpeg's own picture of it, in quarters.
    const raw = join(folder, 'turned.gray');
    await ffmpeg([
      '-i',
      turned,
      '-frames:v',
      '1',
      '-vf',
      'scale=2:2:flags=area',
      '-pix_fmt',
      'gray',
      '-f',
      'rawvideo',
      raw,
    ]);
    const white = (await readFile(raw)).findIndex((value) => value > 128);
    expect(quarters(found)).toBe(`${2 * (white % 2)},${2 * Math.floor(white / 2)},2,2`);
    expect(white).toBeGreaterThan(0);
  });

  it('follows the clock of a film with a variable frame rate', async () => {
    const file = join(folder, 'variable.mp4');
    // Black for a second in frames that last longer and longer, then a white half.
    const picture =
      "color=black:s=96x96:r=8:d=2,drawbox=x=0:y=0:w=48:h=96:color=white:t=fill:enable='gte(t,1)',select='lt(mod(n,5),3)'";
    const sound = ['-f', 'lavfi', '-i', 'sine=f=440:r=16000:d=2'];
    await ffmpeg(['-f', 'lavfi', '-i', picture, ...sound, '-vsync', 'vfr', '-pix_fmt', 'yuv420p', file]);
    const found = await localize(file, { mapsPerSec: 4 });
    const lit = found.maps.filter(({ box }) => box !== null).map(({ timeSec }) => timeSec);
    expect(Math.min(...lit)).toBeGreaterThanOrEqual(1);
    expect(Math.min(...lit)).toBeLessThanOrEqual(1.5);
  });

  it('answers a clip of one frame', async () => {
    const file = join(folder, 'one.mp4');
    const picture = ['-f', 'lavfi', '-i', 'color=white:s=96x96:r=8:d=0.125'];
    await ffmpeg([
      ...picture,
      '-f',
      'lavfi',
      '-i',
      'sine=f=440:r=16000:d=0.125',
      '-pix_fmt',
      'yuv420p',
      file,
    ]);
    const found = await localize(file);
    expect(found.maps).toHaveLength(1);
    expect(found.sounding).toBe(true);
  });

  it('names what is missing', async () => {
    const heard = await makeClip(folder, 'heard.wav', { sound: 0.5, picture: null, durationSec: 1 });
    const seen = await makeClip(folder, 'seen.mp4', { sound: null, picture: 0.5, durationSec: 1 });
    const photo = join(folder, 'photo.png');
    await ffmpeg(['-f', 'lavfi', '-i', 'color=white:s=64x64', '-frames:v', '1', photo]);
    const right = await square('query.mp4', '96x96', 'x=0:y=0:w=48:h=48');
    for (const [file, what] of [
      [heard, 'picture'],
      [seen, 'sound'],
      [photo, 'sound'],
    ] as const) {
      const refused = { code: 'modality_missing', message: expect.stringContaining(`no ${what}`) };
      await expect(localize(file)).rejects.toMatchObject(refused);
    }
    await expect(localize(right, { query: { file: seen } })).rejects.toMatchObject({
      code: 'modality_missing',
    });
    expect(await stat(right)).toBeTruthy();
  });
});
