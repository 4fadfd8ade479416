import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createCanvas, loadImage } from '@napi-rs/canvas';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { decodeSamples } from '#media/decode';
import { probe } from '#media/probe';
import { AUDIO_CLASS_COUNT, parseClassMap, parseLabelList } from '#model/concepts/class-names';
import { classProbabilities, meanOfPatches } from '#model/concepts/scores';
import { AudioClassifier, PictureClassifier } from '#model/concepts/towers';
import { sharedData } from '../../support/shared-data.ts';

const models = sharedData('models');
const clips = sharedData('clips');
const pictures = sharedData('pictures');
const at = (file: string) => path.join(models as string, file);

/** Values of the floating-point path that the models' reference page states; decoders and resamplers add a little. */
const HEARD: [string, Record<string, number>][] = [
  ['vas_dog_02677.mp4', { Animal: 0.808, Dog: 0.803, 'Domestic animals, pets': 0.802 }],
  ['vgg_6zlMP_kQ_-w_30000_40000.mp4', { Music: 0.962, Harp: 0.625, Pizzicato: 0.274 }],
];
const SEEN: [string, Record<string, number>][] = [
  ['vas_dog_02677.mp4', { beagle: 0.555, 'Walker hound': 0.18 }],
  ['vgg_6zlMP_kQ_-w_30000_40000.mp4', { harp: 1 }],
];

describe.skipIf(!models)(`the classifiers${models ? '' : ' (skipped: no shared data)'}`, () => {
  let audio: AudioClassifier;
  let video: PictureClassifier;
  let sounds: string[];
  let sights: string[];

  beforeAll(async () => {
    audio = await AudioClassifier.load(readFileSync(at('yamnet_spectra_in.tflite')), 'yamnet');
    video = await PictureClassifier.load(readFileSync(at('mobilenet_v2_1.0_224_quant.tflite')), 'mobilenet');
    sounds = parseClassMap(readFileSync(at('yamnet_class_map.csv'), 'utf8'));
    sights = parseLabelList(readFileSync(at('imagenet_labels.txt'), 'utf8')).map(
      (label) => label.split(',')[0] as string,
    );
  });

  afterAll(async () => {
    await audio?.dispose();
    await video?.dispose();
  });

  it("YAMNet alone gives its publisher's test spectrogram the reference scores and embedding", async () => {
    const bytes = readFileSync(at('yamnet_test_spectra.bin'));
    const logMel = Float32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readFloatLE(4 * i));
    const { patches, scores, embeddings } = await audio.classify(logMel);
    expect([patches, scores.length, embeddings.length]).toEqual([1, 521, 1024]);
    expect(scores[sounds.indexOf('Speech')]).toBeCloseTo(0.945, 2);
    expect(scores[sounds.indexOf('Inside, small room')]).toBeCloseTo(0.027, 2);
    expect(scores[sounds.indexOf('Narration, monologue')]).toBeCloseTo(0.002, 2);
    const largest = [...embeddings.keys()].sort(
      (a, b) => (embeddings[b] as number) - (embeddings[a] as number),
    );
    expect(new Set(largest.slice(0, 5))).toEqual(new Set([86, 314, 357, 944, 287]));
    expect(Math.abs((embeddings[86] as number) - 1.3755)).toBeLessThan(0.05);
  });

  it.skipIf(!clips).each(HEARD)('hears %s as the reference does', async (file, expected) => {
    const source = path.join(clips as string, file);
    const { durationSec } = await probe(source);
    const { data } = await decodeSamples(source, { endSec: durationSec, sampleRateHz: 16_000 });
    const means = meanOfPatches((await audio.hear(data)).scores, AUDIO_CLASS_COUNT);
    for (const [name, score] of Object.entries(expected)) {
      expect(Math.abs((means[sounds.indexOf(name)] as number) - score), name).toBeLessThan(0.03);
    }
  });

  it.skipIf(!clips).each(SEEN)('sees %s at 2 s as the reference does', async (file, expected) => {
    const data = frameAt2Sec(path.join(clips as string, file));
    const { views, logits, embeddings, map, mapHeight, mapWidth } = await video.see(data, 224, 224);
    expect([views, mapHeight, mapWidth, embeddings.length]).toEqual([1, 7, 7, 1280]);
    const probabilities = classProbabilities(logits);
    for (const [name, score] of Object.entries(expected)) {
      expect(Math.abs((probabilities[sights.indexOf(name)] as number) - score), name).toBeLessThan(0.02);
    }
    // The embedding is the map's mean over its positions.
    for (const channel of [0, 500, 1279]) {
      let sum = 0;
      for (let position = 0; position < 49; position++) sum += map[position * 1280 + channel] as number;
      expect(embeddings[channel]).toBeCloseTo(sum / 49, 4);
    }
  });

  it('looks at a wider picture through several squares, one of them its left edge', async () => {
    const wide = Uint8Array.from({ length: 320 * 224 * 3 }, (_, i) => (i * 7919) % 256);
    const { views, mapHeight, mapWidth, logits } = await video.see(wide, 320, 224);
    expect([views, mapHeight, mapWidth, logits.length]).toEqual([4, 7, 10, 4 * 1001]);
    expect([...(await video.classify(wide, 320, 224))]).toEqual([...logits]);
    await expect(video.see(wide, 224, 224)).rejects.toMatchObject({ code: 'shape_mismatch' });
  });

  it.skipIf(!pictures)(
    'names every fourth ImageNet picture about as often as the reference, 87.6 %',
    async () => {
      const folder = pictures as string;
      const files = readdirSync(folder)
        .filter((file) => file.endsWith('.jpg'))
        .sort();
      let hits = 0;
      let seen = 0;
      for (let i = 0; i < files.length; i += 4) {
        const probabilities = classProbabilities(
          await video.classify(await centreCrop(folder, files[i]), 224, 224),
        );
        if (probabilities.indexOf(Math.max(...probabilities)) === i + 1) hits++;
        seen++;
      }
      expect(seen).toBe(250);
      expect(hits / seen).toBeGreaterThanOrEqual(0.86);
    },
    // A quarter of a minute on a quiet core.
    240_000,
  );
});

/** Resampled as the reference was: ffmpeg's bicubic filter, without keeping the shape. */
function frameAt2Sec(file: string): Uint8Array {
  const filter = ['-frames:v', '1', '-vf', 'scale=224:224:flags=bicubic'];
  const output = ['-pix_fmt', 'rgb24', '-f', 'rawvideo', '-'];
  return new Uint8Array(
    execFileSync('ffmpeg', ['-v', 'error', '-ss', '2', '-i', file, ...filter, ...output]),
  );
}

async function centreCrop(folder: string, file = ''): Promise<Uint8Array> {
  const image = await loadImage(path.join(folder, file));
  const canvas = createCanvas(224, 224);
  const context = canvas.getContext('2d');
  // Whole pixels: half of one would blur the picture.
  context.drawImage(image, -Math.floor((image.width - 224) / 2), -Math.floor((image.height - 224) / 2));
  const { data } = context.getImageData(0, 0, 224, 224);
  return Uint8Array.from(
    { length: 224 * 224 * 3 },
    (_, i) => data[Math.floor(i / 3) * 4 + (i % 3)] as number,
  );
}
