/** A picture in which one points at something by drawing a box around it. */
import { element } from './element.ts';

/** In 0..1 of the picture's width and height. */
export interface Region {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Boxes narrower than this are slips of the pointer. */
const LEAST_SIDE = 0.02;

/** @param region what is drawn at the moment; undefined for the whole picture */
export function regionPicker(src: string, alt: string): { node: HTMLElement; region(): Region | undefined } {
  const box = element('i', { hidden: true });
  const node = element('div', { class: 'picker' }, element('img', { src, alt, draggable: 'false' }), box);
  let from: { x: number; y: number } | undefined;
  let drawn: Region | undefined;

  const pointOf = (event: PointerEvent) => {
    const { left, top, width, height } = node.getBoundingClientRect();
    const within = (value: number) => Math.min(1, Math.max(0, value));
    return { x: within((event.clientX - left) / width), y: within((event.clientY - top) / height) };
  };
  node.addEventListener('pointerdown', (event) => {
    node.setPointerCapture(event.pointerId);
    from = pointOf(event);
  });
  node.addEventListener('pointermove', (event) => {
    if (!from) return;
    const to = pointOf(event);
    const [x, y] = [Math.min(from.x, to.x), Math.min(from.y, to.y)];
    drawn = { x, y, width: Math.abs(to.x - from.x), height: Math.abs(to.y - from.y) };
    show(box, drawn);
  });
  node.addEventListener('pointerup', () => {
    from = undefined;
    if (drawn && Math.min(drawn.width, drawn.height) >= LEAST_SIDE) return;
    drawn = undefined;
    box.hidden = true;
  });
  return { node, region: () => drawn };
}

function show(box: HTMLElement, { x, y, width, height }: Region): void {
  box.hidden = false;
  const sides = { left: x, top: y, width, height };
  for (const [side, share] of Object.entries(sides)) box.style.setProperty(side, `${100 * share}%`);
}
