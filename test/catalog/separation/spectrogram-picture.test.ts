import { createCanvas, loadImage } from '@napi-rs/canvas';
import { describe, expect, it } from 'vitest';
import { SpectrogramPicture } from '#catalog/separation/spectrogram-picture';
import { hertzToRow, LOG_FREQUENCY_BINS } from '#model/front-ends/log-frequency';
import { SEPARATION_RATE_HZ, SEPARATION_STFT } from '#model/front-ends/stft';

const DURATION_SEC = 3;
const TONE_HZ = 1000;
/** Where the panels lie. */
const LEFT = 64;
const PITCH = 22 + LOG_FREQUENCY_BINS;

/** A steady tone whose first half is the target's. */
async function pictureOfTone() {
  const frames = Math.floor((DURATION_SEC * SEPARATION_RATE_HZ) / SEPARATION_STFT.hopSamples);
  const magnitudes = new Float32Array(frames * LOG_FREQUENCY_BINS);
  const mask = new Float32Array(frames * LOG_FREQUENCY_BINS);
  for (let frame = 0; frame < frames; frame++) {
    magnitudes[frame * LOG_FREQUENCY_BINS + Math.round(hertzToRow(TONE_HZ))] = 1;
    if (frame < frames / 2) mask.fill(1, frame * LOG_FREQUENCY_BINS, (frame + 1) * LOG_FREQUENCY_BINS);
  }
  const picture = new SpectrogramPicture(DURATION_SEC);
  picture.add(0, DURATION_SEC, magnitudes, mask);
  const image = await loadImage(Buffer.from(await picture.toPng()));
  const context = createCanvas(image.width, image.height).getContext('2d');
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, image.width, image.height);
  /** Sum of red, green and blue, in a panel, at a part of the time and a frequency. */
  const brightness = (panel: number, part: number, hertz: number) => {
    const x = LEFT + Math.floor(part * (image.width - LEFT - 12));
    const y = (panel + 1) * PITCH - 1 - Math.round(hertzToRow(hertz));
    const at = 4 * (y * image.width + x);
    return (data[at] as number) + (data[at + 1] as number) + (data[at + 2] as number);
  };
  return { image, brightness };
}

describe('the picture of a separation', () => {
  it('shows a tone at its frequency, in the target and the residual while it is theirs', async () => {
    const { image, brightness } = await pictureOfTone();
    expect(image.height).toBeGreaterThan(4 * PITCH);
    const [mixture, mask, target, residual] = [0, 1, 2, 3] as const;
    for (const part of [0.25, 0.75]) {
      expect(brightness(mixture, part, TONE_HZ)).toBeGreaterThan(600);
      expect(brightness(mixture, part, 3000)).toBeLessThan(20);
    }
    expect(brightness(mask, 0.25, 3000)).toBeGreaterThan(600);
    expect(brightness(mask, 0.75, 3000)).toBeLessThan(20);
    expect(brightness(target, 0.25, TONE_HZ)).toBeGreaterThan(600);
    expect(brightness(target, 0.75, TONE_HZ)).toBeLessThan(20);
    expect(brightness(residual, 0.25, TONE_HZ)).toBeLessThan(20);
    expect(brightness(residual, 0.75, TONE_HZ)).toBeGreaterThan(600);
  });
});
