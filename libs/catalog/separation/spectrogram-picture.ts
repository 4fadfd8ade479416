/** A separation to look at: spectrograms of the mixture, the mask, the target and the residual, one below the other. */
import { encodeRgbPng } from '#media/png';
import { hertzToRow, LOG_FREQUENCY_BINS } from '#model/front-ends/log-frequency';
import { SEPARATION_RATE_HZ, SEPARATION_STFT } from '#model/front-ends/stft';
import { colourIndex, MAGMA } from '../analysis/overlay/colour-map.ts';
import { type Canvas, type Colour, drawText, textHeight, textWidth } from '../analysis/overlay/lettering.ts';

/** A long sound's frames share columns. */
const MAX_WIDTH = 1200;
/** A short sound's frames take several. */
const MIN_WIDTH = 600;
/** From the loudest point down to black. */
const RANGE_DB = 70;

/** Room around the panels, in pixels. */
const LEFT = 64;
const RIGHT = 12;
const TITLE = 22;
const TIME_AXIS = 24;
const TEXT_SCALE = 2;
/** White. */
const PAPER = 255;
const INK: Colour = [40, 44, 52];
const SHOWN_HZ = [200, 500, 1000, 2000, 5000] as const;
const TICK_STEPS_SEC = [0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600] as const;
const MOST_TICKS = 8;

/** One spectrogram: the brightness of its points, `[width, 256]`, 0..1. */
interface Panel {
  title: string;
  brightness: Float32Array;
}

export class SpectrogramPicture {
  readonly #width: number;
  readonly #frames: number;
  readonly #durationSec: number;
  /** Sums over the frames of each column, `[width, 256]`. */
  readonly #power: Float32Array;
  readonly #mask: Float32Array;
  readonly #targetPower: Float32Array;
  readonly #residualPower: Float32Array;
  readonly #count: Float32Array;

  /** @param durationSec of the whole sound */
  constructor(durationSec: number) {
    this.#durationSec = durationSec;
    this.#frames = Math.max(1, Math.ceil((durationSec * SEPARATION_RATE_HZ) / SEPARATION_STFT.hopSamples));
    this.#width = Math.max(MIN_WIDTH, Math.min(MAX_WIDTH, this.#frames));
    const values = () => new Float32Array(this.#width * LOG_FREQUENCY_BINS);
    this.#power = values();
    this.#mask = values();
    this.#targetPower = values();
    this.#residualPower = values();
    this.#count = new Float32Array(this.#width);
  }

  /** @param magnitudes and mask of a window, `[frames, 256]` each; where windows overlap, both count */
  add(startSec: number, durationSec: number, magnitudes: Float32Array, mask: Float32Array): void {
    const toFrames = SEPARATION_RATE_HZ / SEPARATION_STFT.hopSamples;
    const first = Math.round(startSec * toFrames);
    const frames = Math.min(magnitudes.length / LOG_FREQUENCY_BINS, Math.ceil(durationSec * toFrames));
    for (let frame = 0; frame < frames; frame++) {
      const column = Math.floor(((first + frame) * this.#width) / this.#frames);
      if (column >= this.#width) return;
      this.#count[column] = (this.#count[column] as number) + 1;
      this.#addFrame(magnitudes, mask, frame * LOG_FREQUENCY_BINS, column * LOG_FREQUENCY_BINS);
    }
  }

  /** By itself, because it is compiled sooner than a loop within a loop. */
  #addFrame(magnitudes: Float32Array, mask: Float32Array, from: number, to: number): void {
    const [powers, masks, ofTarget, ofResidual] = [
      this.#power,
      this.#mask,
      this.#targetPower,
      this.#residualPower,
    ];
    for (let row = 0; row < LOG_FREQUENCY_BINS; row++) {
      const share = Math.min(1, mask[from + row] as number);
      const power = (magnitudes[from + row] as number) ** 2;
      powers[to + row] = (powers[to + row] as number) + power;
      masks[to + row] = (masks[to + row] as number) + share;
      ofTarget[to + row] = (ofTarget[to + row] as number) + power * share ** 2;
      ofResidual[to + row] = (ofResidual[to + row] as number) + power * (1 - share) ** 2;
    }
  }

  /** PNG bytes: time to the right, frequency upwards (labels in hertz), all sounds on the mixture's scale of loudness. */
  toPng(): Promise<Uint8Array> {
    const power = this.#means(this.#power);
    const loudest = largest(power);
    const panels: Panel[] = [
      { title: 'mixture', brightness: loudness(power, loudest) },
      { title: 'mask', brightness: this.#means(this.#mask) },
      { title: 'target', brightness: loudness(this.#means(this.#targetPower), loudest) },
      { title: 'residual', brightness: loudness(this.#means(this.#residualPower), loudest) },
    ];
    const canvas = this.#paper(panels.length);
    panels.forEach((panel, i) => {
      this.#draw(canvas, panel, i * (TITLE + LOG_FREQUENCY_BINS));
    });
    this.#drawTimes(canvas, panels.length * (TITLE + LOG_FREQUENCY_BINS));
    return encodeRgbPng(canvas.rgb, canvas.width, canvas.height, 'few-colours');
  }

  #paper(panels: number): Canvas {
    const width = LEFT + this.#width + RIGHT;
    const height = panels * (TITLE + LOG_FREQUENCY_BINS) + TIME_AXIS;
    const rgb = new Uint8Array(width * height * 3).fill(PAPER);
    return { rgb, width, height };
  }

  #draw(canvas: Canvas, { title, brightness }: Panel, top: number): void {
    const bottom = top + TITLE + LOG_FREQUENCY_BINS - 1;
    drawText(canvas, title, LEFT, top + (TITLE - textHeight(TEXT_SCALE)) / 2, TEXT_SCALE, INK);
    for (let row = 0; row < LOG_FREQUENCY_BINS; row++)
      drawLine(canvas.rgb, ((bottom - row) * canvas.width + LEFT) * 3, brightness, row, this.#width);
    for (const hertz of SHOWN_HZ) {
      const label = hertz < 1000 ? `${hertz}` : `${hertz / 1000}k`;
      const y = bottom - Math.round(hertzToRow(hertz));
      const left = LEFT - 10 - textWidth(label, TEXT_SCALE);
      drawText(canvas, label, left, y - textHeight(TEXT_SCALE) / 2, TEXT_SCALE, INK);
      for (let x = LEFT - 6; x < LEFT; x++) canvas.rgb.set(INK, (y * canvas.width + x) * 3);
    }
  }

  #drawTimes(canvas: Canvas, top: number): void {
    const sec = this.#durationSec;
    const fits = TICK_STEPS_SEC.find((step) => sec / step <= MOST_TICKS);
    const step = fits ?? sec / MOST_TICKS;
    for (let time = 0; time <= sec - step / 4; time += step) {
      const x = LEFT + Math.floor((time / sec) * this.#width);
      for (let y = top; y < top + 5; y++) canvas.rgb.set(INK, (y * canvas.width + x) * 3);
      drawText(canvas, `${Number(time.toFixed(1))}s`, x, top + 8, TEXT_SCALE, INK);
    }
  }

  /** Over the frames of each column, `[width, 256]`; a column between two frames shows the one before it. */
  #means(sums: Float32Array): Float32Array {
    const out = new Float32Array(sums.length);
    for (let column = 0, filled = 0; column < this.#width; column++) {
      if ((this.#count[column] as number) > 0) filled = column;
      const count = Math.max(1, this.#count[filled] as number);
      divideColumn(sums, filled * LOG_FREQUENCY_BINS, count, out, column * LOG_FREQUENCY_BINS);
    }
    return out;
  }
}

function divideColumn(sums: Float32Array, from: number, count: number, out: Float32Array, to: number): void {
  for (let row = 0; row < LOG_FREQUENCY_BINS; row++) out[to + row] = (sums[from + row] as number) / count;
}

function largest(values: Float32Array): number {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, values[i] as number);
  return most;
}

/** Powers as brightness, in place. */
function loudness(powers: Float32Array, loudest: number): Float32Array {
  for (let i = 0; i < powers.length; i++) {
    const value = powers[i] as number;
    powers[i] = value > 0 ? 1 + (10 * Math.log10(value / loudest)) / RANGE_DB : 0;
  }
  return powers;
}

/** Row `row` of a panel, from `at` on in the picture. */
function drawLine(rgb: Uint8Array, at: number, brightness: Float32Array, row: number, width: number): void {
  for (let column = 0; column < width; column++) {
    const colour = colourIndex(MAGMA, brightness[column * LOG_FREQUENCY_BINS + row] as number);
    const to = at + 3 * column;
    rgb[to] = MAGMA[colour] as number;
    rgb[to + 1] = MAGMA[colour + 1] as number;
    rgb[to + 2] = MAGMA[colour + 2] as number;
  }
}
