/** The few vector idioms that every kernel shares. */

/** Bytes that `count` floats take. */
// @ts-ignore: decorator
@inline
export function floats(count: i32): usize {
  return <usize>count << 2;
}

/** One float in all four lanes. */
// @ts-ignore: decorator
@inline
export function splat(pointer: usize): v128 {
  return v128.load_splat<f32>(pointer);
}

/** `sum + a * b`, lane by lane. */
// @ts-ignore: decorator
@inline
export function multiplyAdd(sum: v128, a: v128, b: v128): v128 {
  return f32x4.add(sum, f32x4.mul(a, b));
}

/** First output position whose tap falls inside the input: the smallest `o >= 0` with `o * stride + shift >= 0`. */
export function firstInside(shift: i32, stride: i32): i32 {
  return shift >= 0 ? 0 : (stride - 1 - shift) / stride;
}

/** One past the last output position whose tap falls inside an input of `size`; never above `outputSize`. */
export function endInside(shift: i32, stride: i32, size: i32, outputSize: i32): i32 {
  const room = size - 1 - shift;
  return room < 0 ? 0 : min(outputSize, room / stride + 1);
}
