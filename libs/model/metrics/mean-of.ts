/** Element by element, in the order given and in double precision: the same to the bit whoever was first. */
export function meanOf(arrays: readonly Float32Array[]): Float32Array {
  const [first, ...others] = arrays;
  if (!first) throw new RangeError('There is no mean of nothing.');
  return first.map((value, i) => {
    let sum = value;
    for (const other of others) sum += other[i] as number;
    return sum / arrays.length;
  });
}
