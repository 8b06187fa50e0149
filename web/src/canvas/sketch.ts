/** Draws cards as plain boxes and links as curves on a <canvas>: what is too far, too many or too fast for elements. */
import type { Box } from '../graph/align';
import { curveOf, boundsOf } from '../graph/curve';
import { colorOf } from '../graph/look';
import type { GraphNode, Link } from '../graph/model';
import { specOf } from '../graph/virtual';
import { meets } from '../graph/window';
import { shownRuns } from '../state/shownRuns';
import { getState, type State } from '../state/store';
import { categoryColor, typeColor } from './colors';
import { boxes, layoutAt } from './flow';

/** Titles smaller than this on the screen are left out. */
const LEGIBLE_PX = 7;
const TITLE = 26;
/** No card, and no curve beyond its cards, is larger than this. */
const REACH = 2000;
/** Links shorter than this on the screen need no curve. */
const CURVED_PX = 40;

/** Values of the style sheet's custom properties as they are now. */
export function styleValues(): (value: string) => string {
  const style = getComputedStyle(document.documentElement);
  const known = new Map<string, string>();
  return (value) => {
    const found = known.get(value) ?? value.replace(/var\((--[\w-]+)\)/g, (_, name: string) => style.getPropertyValue(name).trim());
    known.set(value, found);
    return found;
  };
}

/** Shows what was drawn. A canvas with a context of its own would be copied for every frame of the page, changed or not. */
export function show(canvas: HTMLCanvasElement, drawn: OffscreenCanvas): void {
  canvas.getContext('bitmaprenderer')?.transferFromImageBitmap(drawn.transferToImageBitmap());
}

/** A surface to draw on, in coordinates of the graph. */
export interface Sheet {
  context: OffscreenCanvasRenderingContext2D;
  zoom: number;
  area: Box;
  color: (value: string) => string;
}

function cardColor(state: State, node: GraphNode): string {
  switch (shownRuns(state)[node.id]?.state) {
    case 'running': return 'var(--running)';
    case 'failed': return 'var(--bad)';
    case 'done': return 'var(--good)';
    default: return '';
  }
}

/** Whether a link is so far from an area that its curve need not be looked at. */
function isFar({ x, y, width, height }: Box, a: GraphNode | undefined, b: GraphNode | undefined): boolean {
  if (!a || !b) return true;
  return Math.max(a.position.x, b.position.x) + REACH < x || Math.min(a.position.x, b.position.x) - REACH > x + width
    || Math.max(a.position.y, b.position.y) + REACH < y || Math.min(a.position.y, b.position.y) - REACH > y + height;
}

/** Whether anything of the link was in the area. */
function sketchLink({ context, zoom, area, color }: Sheet, state: State, link: Link): boolean {
  if (isFar(area, state.graph.nodes[link.source], state.graph.nodes[link.target])) return false;
  const curve = curveOf(state.graph, link, (id) => {
    const node = state.graph.nodes[id];
    return node && layoutAt(state, node);
  });
  if (!curve || !meets(boundsOf(curve), area)) return false;
  const { from, out, into, to } = curve;
  context.strokeStyle = color(typeColor(link.type));
  context.beginPath();
  context.moveTo(from.x, from.y);
  if (Math.abs(to.x - from.x) * zoom < CURVED_PX) context.lineTo(to.x, to.y);
  else context.bezierCurveTo(out.x, out.y, into.x, into.y, to.x, to.y);
  context.stroke();
  return true;
}

function sketchCard({ context, zoom, color }: Sheet, state: State, node: GraphNode, box: Box): void {
  const spec = specOf(state.schema, node);
  const { x, y, width, height } = box;
  context.globalAlpha = node.mode === 'muted' ? 0.45 : 1;
  context.fillStyle = color(node.mode === 'bypassed' ? 'var(--violet)' : 'var(--card)');
  context.fillRect(x, y, width, height);
  const tint = cardColor(state, node);
  if (tint || colorOf(node)) {
    context.globalAlpha *= 0.25;
    context.fillStyle = color(tint || colorOf(node));
    context.fillRect(x, y, width, height);
    context.globalAlpha = 1;
  }
  const isSelected = state.selection.has(node.id);
  context.strokeStyle = color(isSelected ? 'var(--accent)' : tint === 'var(--bad)' ? tint : 'var(--line)');
  context.lineWidth = (isSelected ? 2.5 : 1) / zoom;
  context.strokeRect(x, y, width, height);
  context.fillStyle = color(categoryColor(spec?.category ?? ''));
  context.fillRect(x, y, Math.max(8, 2 / zoom), height);
  if (TITLE * zoom >= LEGIBLE_PX) {
    context.fillStyle = color('var(--text)');
    context.fillText(node.title || (spec?.title ?? node.type), x + 18, y + Math.min(height / 2, 60), width - 26);
  }
  context.globalAlpha = 1;
}

/** Draw all links and cards of an area but those that are elements, and count them. `isElement` tells which. */
export function sketch(sheet: Sheet, isElement: (id: string) => boolean): { cards: number; links: number } {
  const state = getState();
  const { context, zoom, area } = sheet;
  context.lineWidth = Math.max(1.8, 1 / zoom);
  context.globalAlpha = 0.7;
  let [cards, links] = [0, 0];
  for (const link of Object.values(state.graph.links)) {
    if (!isElement(link.source) && !isElement(link.target) && sketchLink(sheet, state, link)) links += 1;
  }
  context.font = `600 ${TITLE}px system-ui, sans-serif`;
  context.textBaseline = 'middle';
  for (const [id, box] of boxes(state)) {
    const node = state.graph.nodes[id];
    if (!node || isElement(id) || !meets(box, area)) continue;
    sketchCard(sheet, state, node, box);
    cards += 1;
  }
  return { cards, links };
}
