declare module 'fft.js' {
  export default class FFT {
    constructor(size: number);
    createComplexArray(): number[];
    transform(output: number[] | Float64Array, input: ArrayLike<number>): void;
    realTransform(output: number[] | Float64Array, input: ArrayLike<number>): void;
    completeSpectrum(spectrum: number[] | Float64Array): void;
    inverseTransform(output: number[] | Float64Array, input: ArrayLike<number>): void;
  }
}
