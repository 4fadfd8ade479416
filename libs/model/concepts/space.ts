/**
 * The space where sound, picture and text meet: one axis a concept, made comparable by calibration, then turned by a
 * projection that brings kindred concepts near each other.
 *
 * Calibration: a concept's score goes through a power below one, which spreads the small scores that rare classes
 * get even when they are right, and what the concept scores on ordinary material is taken off, so that only more
 * than usual speaks for it. Projection: cosine in this space is cosine under the kernel
 * `(1 - a - b) I + a S∘S + b V∘V`, where S and V hold the cosines between the concepts' weight vectors in the last
 * layer of the audio and of the video network. What a network can hardly tell apart is thereby near.
 */
import { CholeskyDecomposition, Matrix } from 'ml-matrix';
import { EarshotError } from '#core/errors';
import type { WeightedClass } from './table.ts';

export interface TowerCalibration {
  exponent: number;
  /** What each concept's powered score is on ordinary material, in the table's order. */
  centre: readonly number[];
}

/** A network's last layer: one weight vector a class. */
export interface ClassVectors {
  /** `[classes, width]` */
  data: Float32Array;
  width: number;
}

export interface KinshipSource {
  vectors: ClassVectors;
  classes: readonly WeightedClass[][];
  /** Share of the kernel. */
  share: number;
}

/**
 * Calibrated concept scores, `[concepts]`; about 0 where a concept is as present as usual.
 *
 * @param scores in [0, 1]
 */
export function calibrate(scores: ArrayLike<number>, { exponent, centre }: TowerCalibration): Float64Array {
  return Float64Array.from(scores, (score, i) => score ** exponent - (centre[i] as number));
}

export class ConceptProjection {
  readonly #factor: Matrix;
  readonly dimension: number;

  /** @throws EarshotError `model_invalid` when the weight vectors are not finite */
  constructor(sources: readonly KinshipSource[]) {
    const size = sources[0]?.classes.length ?? 0;
    this.dimension = size;
    const own = 1 - sources.reduce((sum, { share }) => sum + share, 0);
    const kernel = Matrix.eye(size).mul(own);
    for (const { vectors, classes, share } of sources) {
      const cosines = kinship(vectors, classes);
      kernel.add(cosines.mul(cosines).mul(share));
    }
    const factored = new CholeskyDecomposition(kernel);
    if (!factored.isPositiveDefinite()) {
      throw new EarshotError('model_invalid', "The towers' last layers hold no usable numbers.");
    }
    this.#factor = factored.lowerTriangularMatrix.transpose();
  }

  /**
   * @param axes `[concepts]`, one value an axis
   * @returns a unit vector, `[concepts]`
   */
  project(axes: Float64Array): Float32Array {
    const projected = this.#factor.mmul(Matrix.columnVector(axes)).to1DArray();
    const norm = Math.hypot(...projected);
    // Only a sound exactly as usual has no direction; it gets the same one whichever tower it comes from.
    if (norm < 1e-9) return new Float32Array(axes.length).fill(1 / Math.sqrt(axes.length));
    return Float32Array.from(projected, (value) => value / norm);
  }
}

/** Cosines between the concepts' mean weight vectors, centred over all classes; 0 for a concept without classes. */
function kinship({ data, width }: ClassVectors, classes: readonly WeightedClass[][]): Matrix {
  const count = data.length / width;
  const mean = new Float64Array(width);
  for (let i = 0; i < data.length; i++)
    mean[i % width] = (mean[i % width] as number) + (data[i] as number) / count;
  const directions = classes.map((members) => {
    const sum = new Float64Array(width);
    for (const { index, weight } of members) {
      for (let i = 0; i < width; i++) {
        sum[i] = (sum[i] as number) + weight * ((data[index * width + i] as number) - (mean[i] as number));
      }
    }
    const norm = Math.hypot(...sum) || 1;
    return sum.map((value) => value / norm);
  });
  const rows = new Matrix(directions);
  return rows.mmul(rows.transpose());
}
