const BARS = '▁▂▃▄▅▆▇█';

/** One character for each value, the largest one at full height. */
export function sparkline(values: readonly number[]): string {
  const largest = values.reduce((max, value) => Math.max(max, value), 0);
  return values
    .map((value) => BARS[largest === 0 ? 0 : Math.round((value / largest) * (BARS.length - 1))] ?? BARS[0])
    .join('');
}
