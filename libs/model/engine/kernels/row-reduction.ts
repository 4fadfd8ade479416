/** A tensor seen as `[outer, rows, columns]`, to be reduced over its rows. */
import type { TensorFlow } from '../engine.ts';
import { elementCount } from './kernel.ts';

export interface RowReduction {
  outer: number;
  rows: number;
  columns: number;
}

/**
 * How a reduction over some axes is one over rows.
 *
 * @param axis as TensorFlow.js takes it: one axis, several, or none for all
 * @returns `undefined` where the axes are not neighbours, or there is nothing to reduce
 */
export function asRowReduction(
  tf: TensorFlow,
  shape: readonly number[],
  axis: number | number[] | undefined,
): RowReduction | undefined {
  const axes = tf.util
    .parseAxisParam(axis as number | number[], [...shape])
    .toSorted((left, right) => left - right);
  const first = axes[0];
  if (first === undefined || !axes.every((each, i) => each === first + i)) return undefined;
  const end = first + axes.length;
  const reduction = {
    outer: elementCount(shape.slice(0, first)),
    rows: elementCount(shape.slice(first, end)),
    columns: elementCount(shape.slice(end)),
  };
  return reduction.rows === 0 || reduction.columns === 0 ? undefined : reduction;
}
