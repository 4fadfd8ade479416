/** Outlines of sounds as SVG, loaded when they come into view. */
import type { Clip } from '#catalog/catalog-service';
import { waveform } from './api.ts';

const SVG = 'http://www.w3.org/2000/svg';
const BUCKETS = 140;
const HEIGHT = 40;

const loaders = new WeakMap<Element, () => void>();
const inView = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      inView.unobserve(target);
      loaders.get(target)?.();
    }
  },
  { rootMargin: '200px' },
);

/** @param segment part of the clip to bring out, in seconds */
export function waveformOf(clip: Clip, segment?: { startSec: number; endSec: number }): SVGSVGElement {
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${BUCKETS} ${HEIGHT}`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('class', 'waveform');
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', `Outline of the sound of ${clip.title}`);
  if (segment && clip.durationSec) {
    const mark = document.createElementNS(SVG, 'rect');
    const perSec = BUCKETS / clip.durationSec;
    mark.setAttribute('x', String(segment.startSec * perSec));
    mark.setAttribute('width', String((segment.endSec - segment.startSec) * perSec));
    mark.setAttribute('height', String(HEIGHT));
    svg.append(mark);
  }
  loaders.set(svg, () => void draw(clip, svg));
  inView.observe(svg);
  return svg;
}

async function draw(clip: Clip, svg: SVGSVGElement): Promise<void> {
  try {
    const { min, max } = await waveform(clip, BUCKETS);
    const loudest = Math.max(0.05, ...max.map(Math.abs), ...min.map(Math.abs));
    const y = (value: number) => (HEIGHT / 2 - (value / loudest) * (HEIGHT / 2 - 1)).toFixed(1);
    const top = max.map((value, x) => `${x},${y(value)}`);
    const bottom = min.map((value, x) => `${x},${y(value)}`).reverse();
    const shape = document.createElementNS(SVG, 'polygon');
    shape.setAttribute('points', [...top, ...bottom].join(' '));
    svg.append(shape);
  } catch {
    // A clip whose sound can't be read has no outline; the rest of its card still serves.
    svg.remove();
  }
}
