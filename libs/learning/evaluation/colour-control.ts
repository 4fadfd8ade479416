/**
 * The control that a corpus must pass: canonical correlation between mean colour and mean log-mel, fitted on the
 * training clips. If this linear map retrieves well, colour gives the class away and the corpus is a cartoon.
 *
 * @see Hotelling 1936
 */

import path from 'node:path';
import { EigenvalueDecomposition, inverse, Matrix } from 'ml-matrix';
import { readManifest } from '../corpus/manifest.ts';
import type { Split } from '../corpus/performance.ts';
import { type ClipCache, openClipCache } from '../training/clip-cache.ts';
import { MINI_CACHE } from '../training/mini.ts';
import { type RetrievalResults, scoreRetrieval } from './retrieval-suite.ts';

interface Features {
  colour: number[][];
  sound: number[][];
}

/** Mean of each channel, and mean of each mel band. */
function featuresOf(cache: ClipCache): Features {
  const { frames: melFrames, bands } = cache.spec.audio;
  const frameFloats = cache.framesPerClip * cache.spec.frameSize ** 2 * 3;
  const colour = cache.clips.map((_, clip) => {
    const sums = [0, 0, 0];
    for (let i = 0; i < frameFloats; i++)
      sums[i % 3] = (sums[i % 3] as number) + (cache.frames[clip * frameFloats + i] as number);
    return sums.map((sum) => (sum * 3) / frameFloats / 255);
  });
  const sound = cache.clips.map((_, clip) => {
    const sums = new Array<number>(bands).fill(0);
    const start = clip * melFrames * bands;
    for (let i = 0; i < melFrames * bands; i++)
      sums[i % bands] = (sums[i % bands] as number) + (cache.logMel[start + i] as number);
    return sums.map((sum) => sum / melFrames);
  });
  return { colour, sound };
}

function columnMeans(rows: number[][]): number[] {
  return new Matrix(rows).mean('column');
}

function centre(rows: number[][], means: number[]): Matrix {
  return new Matrix(rows).subRowVector(means);
}

function covariance(a: Matrix, b: Matrix, ridge: number): Matrix {
  const product = a.transpose().mmul(b).div(a.rows);
  return a === b ? product.add(Matrix.eye(product.rows).mul(ridge)) : product;
}

/** Class-level retrieval on the test clips by the linear map alone. */
export function scoreColourControl(train: ClipCache, test: ClipCache): RetrievalResults {
  const fitted = featuresOf(train);
  const meanColour = columnMeans(fitted.colour);
  const meanSound = columnMeans(fitted.sound);
  const x = centre(fitted.colour, meanColour);
  const y = centre(fitted.sound, meanSound);
  const sxx = inverse(covariance(x, x, 1e-4));
  const syy = inverse(covariance(y, y, 1e-2));
  const sxy = covariance(x, y, 0);
  // Directions of colour are eigenvectors of Sxx^-1 Sxy Syy^-1 Syx; those of sound follow from them.
  const system = sxx.mmul(sxy).mmul(syy).mmul(sxy.transpose());
  const colourMap = new EigenvalueDecomposition(system).eigenvectorMatrix;
  const soundMap = syy.mmul(sxy.transpose()).mmul(colourMap);
  const measured = featuresOf(test);
  const colour = unitRows(
    standardise(centre(measured.colour, meanColour).mmul(colourMap), x.mmul(colourMap)),
  );
  const sound = unitRows(standardise(centre(measured.sound, meanSound).mmul(soundMap), y.mmul(soundMap)));
  return scoreRetrieval(
    test.clips.map((clip, i) => ({
      id: clip.id,
      labels: [clip.label],
      video: colour[i] as Float32Array,
      audio: sound[i] as Float32Array,
    })),
  );
}

/** Each canonical variable to unit deviation on the clips that it was fitted on. */
function standardise(projected: Matrix, fitted: Matrix): Matrix {
  const deviations = fitted.standardDeviation('column', { unbiased: false });
  return projected.divRowVector(deviations.map((deviation) => Math.max(deviation, 1e-9)));
}

function unitRows(matrix: Matrix): Float32Array[] {
  return matrix.to2DArray().map((row) => {
    const norm = Math.hypot(...row) || 1;
    return Float32Array.from(row, (value) => value / norm);
  });
}

export interface ColourControlRequest {
  corpus: string;
  cacheFolder: string;
  signal?: AbortSignal;
  onProgress?(stage: string, done: number, total: number): void;
}

/** The control on a corpus folder: fitted on its training split, scored on its test split. */
export async function evaluateColourControl(request: ColourControlRequest) {
  const open = async (split: Split) => {
    const entries = await readManifest(request.corpus, split);
    const clips = entries.map(({ id, file, label }) => ({
      id,
      label,
      file: path.join(request.corpus, file),
    }));
    return openClipCache(clips, MINI_CACHE, {
      folder: request.cacheFolder,
      concurrency: 2,
      signal: request.signal,
      onProgress: (done, total) => request.onProgress?.(`decode ${split}`, done, total),
    });
  };
  const scored = scoreColourControl(await open('train'), await open('test'));
  return { suite: 'colour-control', model: { id: 'cca', version: 'mean colour, mean log-mel' }, ...scored };
}
