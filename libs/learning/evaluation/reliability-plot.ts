/** Stated probability against what came true, as SVG: on the diagonal, a calibration keeps its word. */
import type { ReliabilityBin } from '#model/metrics/calibration';

const SIDE = 320;
const MARGIN = { left: 56, right: 20, top: 34, bottom: 96 };
const COLOUR = '#0072b2';
/** Height of the bars below, which say how many pairs were told so. */
const COUNT_HEIGHT = 40;

/** @param title plain text */
export function reliabilityPlot(bins: readonly ReliabilityBin[], title: string): string {
  const width = MARGIN.left + SIDE + MARGIN.right;
  const height = MARGIN.top + SIDE + MARGIN.bottom;
  const largest = Math.max(1, ...bins.map(({ count }) => count));
  const x = (value: number) => (MARGIN.left + value * SIDE).toFixed(1);
  const y = (value: number) => (MARGIN.top + (1 - value) * SIDE).toFixed(1);
  const points = bins.flatMap(({ confidence, frequency }) =>
    confidence === null || frequency === null ? [] : [`${x(confidence)},${y(frequency)}`],
  );
  const bars = bins.map(({ low, high, count }) => {
    const tall = (COUNT_HEIGHT * count) / largest;
    const top = MARGIN.top + SIDE + 24 + COUNT_HEIGHT - tall;
    return `<rect x="${x(low)}" y="${top.toFixed(1)}" width="${((high - low) * SIDE - 1).toFixed(1)}" height="${tall.toFixed(1)}" fill="${COLOUR}" fill-opacity="0.4"/>`;
  });
  const ticks = [0, 0.25, 0.5, 0.75, 1].flatMap((value) => [
    `<text x="${x(value)}" y="${MARGIN.top + SIDE + 16}" text-anchor="middle">${value}</text>`,
    `<text x="${MARGIN.left - 8}" y="${y(value)}" text-anchor="end" dominant-baseline="middle">${value}</text>`,
  ]);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">`,
    `<title>${escapeXml(title)}</title><rect width="100%" height="100%" fill="#ffffff"/>`,
    `<text x="${width / 2}" y="20" text-anchor="middle">${escapeXml(title)}</text>`,
    `<rect x="${MARGIN.left}" y="${MARGIN.top}" width="${SIDE}" height="${SIDE}" fill="none" stroke="#999999"/>`,
    `<line x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}" stroke="#777777" stroke-dasharray="4 3"/>`,
    `<polyline points="${points.join(' ')}" fill="none" stroke="${COLOUR}" stroke-width="2"/>`,
    ...points.map((point) => {
      const [cx, cy] = point.split(',');
      return `<circle cx="${cx}" cy="${cy}" r="3.5" fill="${COLOUR}"/>`;
    }),
    ...ticks,
    ...bars,
    `<text x="${MARGIN.left + SIDE / 2}" y="${height - 10}" text-anchor="middle">stated probability; bars: how many pairs</text>`,
    `<text transform="translate(14 ${MARGIN.top + SIDE / 2}) rotate(-90)" text-anchor="middle">share that belongs together</text>`,
    '</svg>',
    '',
  ].join('\n');
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
