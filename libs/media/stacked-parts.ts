/**
 * The frames of each part of the picture, out of frames in which `parts` of a request lie one below the other.
 *
 * @param stack `[count, parts, height, width, 3]`, bytes
 * @returns by part, `[count, height, width, 3]`
 */
export function unstackParts(stack: Uint8Array, parts: number, count: number): Uint8Array[] {
  const bytes = stack.length / count / parts;
  return Array.from({ length: parts }, (_, part) => {
    const out = new Uint8Array(count * bytes);
    for (let i = 0; i < count; i++) {
      const from = (i * parts + part) * bytes;
      out.set(stack.subarray(from, from + bytes), i * bytes);
    }
    return out;
  });
}
