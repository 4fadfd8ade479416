/**
 * The compiled SIMD module (`gradients.wasm`, built from `assembly/` by `npm run build:kernels`), instantiated over
 * TensorFlow.js's own memory. Every number below is either an address in that heap or a count.
 */
import { readFile } from 'node:fs/promises';

type Address = number;

/** The sizes of a convolution, in the order the module takes them. */
export type ConvolutionSizes = [
  batch: number,
  height: number,
  width: number,
  channels: number,
  outHeight: number,
  outWidth: number,
  /** Output channels of a full convolution, multiplier of a depthwise one. */
  outChannels: number,
  filterHeight: number,
  filterWidth: number,
  strideHeight: number,
  strideWidth: number,
  padTop: number,
  padLeft: number,
  dilationHeight: number,
  dilationWidth: number,
];

/** Exports of the module; `assembly/` documents each. */
export interface SimdModule {
  productScratch(inner: number, columns: number): number;
  product(
    a: Address,
    b: Address,
    out: Address,
    rows: number,
    inner: number,
    columns: number,
    strideA: number,
    strideOut: number,
    transposedB: boolean,
    accumulate: boolean,
    scratch: Address,
  ): void;
  transposedProductScratch(rows: number, xColumns: number, dColumns: number): number;
  transposedProduct(
    x: Address,
    d: Address,
    out: Address,
    rows: number,
    xColumns: number,
    dColumns: number,
    strideX: number,
    strideD: number,
    accumulate: boolean,
    scratch: Address,
  ): void;
  transpose(x: Address, out: Address, rows: number, columns: number): void;
  convFilterGradient(x: Address, dy: Address, dFilter: Address, ...sizes: ConvolutionSizes): void;
  convInputGradient(dy: Address, filterTaps: Address, dx: Address, ...sizes: ConvolutionSizes): void;
  depthwiseFilterGradient(x: Address, dy: Address, dFilter: Address, ...sizes: ConvolutionSizes): void;
  depthwiseInputGradient(dy: Address, filter: Address, dx: Address, ...sizes: ConvolutionSizes): void;
  sumRows(x: Address, out: Address, outer: number, rows: number, columns: number): void;
  sumSquaredDeviations(x: Address, mean: Address, out: Address, rows: number, columns: number): void;
  normalise(
    x: Address,
    mean: Address,
    scale: Address,
    shift: Address,
    y: Address,
    rows: number,
    columns: number,
    relu: boolean,
  ): void;
  batchNormSums(
    x: Address,
    dy: Address,
    mean: Address,
    scale: Address,
    shift: Address,
    sumDy: Address,
    sumDyDeviation: Address,
    rows: number,
    columns: number,
    relu: boolean,
  ): void;
  batchNormInputGradient(
    x: Address,
    dy: Address,
    mean: Address,
    scale: Address,
    shift: Address,
    deviationScale: Address,
    offset: Address,
    dx: Address,
    rows: number,
    columns: number,
    relu: boolean,
  ): void;
  reluGradient(x: Address, dy: Address, dx: Address, count: number): void;
  softmaxGradient(y: Address, dy: Address, dx: Address, rows: number, columns: number): void;
  spreadRows(dy: Address, scale: number, dx: Address, outer: number, rows: number, columns: number): void;
  maxRows(x: Address, out: Address, outer: number, rows: number, columns: number): void;
  maxRowsGradient(
    x: Address,
    y: Address,
    dy: Address,
    dx: Address,
    outer: number,
    rows: number,
    columns: number,
  ): void;
}

const MODULE_FILE = new URL('./gradients.wasm', import.meta.url);

/**
 * Loads the module over a memory.
 *
 * @param memory the heap that holds the tensors; the module sees it grow, for a wasm memory stays the same object
 * @returns the module, or `undefined` where the file is missing or the machine has no SIMD
 */
export async function loadSimdModule(memory: WebAssembly.Memory): Promise<SimdModule | undefined> {
  try {
    const { instance } = await WebAssembly.instantiate(await readFile(MODULE_FILE), { env: { memory } });
    return instance.exports as unknown as SimdModule;
  } catch {
    return undefined;
  }
}
