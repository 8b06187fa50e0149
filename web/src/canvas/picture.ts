/** The graph as a picture, drawn from the graph itself; loaded only when somebody asks for it. */
import { around, type Box } from '../graph/align';
import { HEADER, PAD, ROW } from '../graph/geometry';
import { asText } from '../graph/json';
import { curveOf } from '../graph/curve';
import type { GraphNode } from '../graph/model';
import { specOf } from '../graph/virtual';
import { getState, type State } from '../state/store';
import { categoryColor, typeColor } from './colors';
import { boxes, layoutAt } from './flow';
import { styleValues } from './sketch';

const MARGIN = 40;
const SCALE = 2;
const LARGEST_PX = 12_000;
const FONT = 'system-ui, sans-serif';

interface Pen {
  context: CanvasRenderingContext2D;
  color: (value: string) => string;
}

function text({ context, color }: Pen, words: string, x: number, y: number, width: number, font: string, fill: string, align: CanvasTextAlign = 'left'): void {
  context.font = `${font} ${FONT}`;
  context.fillStyle = color(fill);
  context.textAlign = align;
  let shown = words;
  while (shown.length > 1 && context.measureText(shown).width > width) shown = `${shown.slice(0, Math.max(1, Math.floor(shown.length * 0.9) - 1))}…`;
  context.fillText(shown, x, y);
}

function panel({ context, color }: Pen, { x, y, width, height }: Box, radius: number, fill: string, line: string): void {
  context.beginPath();
  context.roundRect(x, y, width, height, radius);
  context.fillStyle = color(fill);
  context.fill();
  context.lineWidth = 1;
  context.strokeStyle = color(line);
  context.stroke();
}

function drawLinks({ context, color }: Pen, state: State): void {
  context.lineWidth = 2;
  for (const link of Object.values(state.graph.links)) {
    const curve = curveOf(state.graph, link, (id) => {
      const node = state.graph.nodes[id];
      return node && layoutAt(state, node);
    });
    if (!curve) continue;
    const { from, out, into, to } = curve;
    context.strokeStyle = color(typeColor(link.type));
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.bezierCurveTo(out.x, out.y, into.x, into.y, to.x, to.y);
    context.stroke();
  }
}

function drawCard(pen: Pen, state: State, node: GraphNode, box: Box): void {
  const { context, color } = pen;
  const spec = specOf(state.schema, node);
  const layout = layoutAt(state, node);
  const { x, y, width } = box;
  context.globalAlpha = node.mode === 'muted' ? 0.45 : 1;
  panel(pen, box, 12, 'var(--card)', 'var(--line)');
  context.fillStyle = color(categoryColor(spec?.category ?? ''));
  context.fillRect(x, y + 8, 3, Math.min(HEADER, box.height) - 12);
  text(pen, node.title || (spec?.title ?? node.type), x + 14, y + HEADER / 2, width - 28, '600 13px', 'var(--text)');
  if (!node.collapsed && node.type !== 'Reroute') {
    const plain = layout.inputs.filter((socket) => !socket.onWidget);
    for (const socket of plain) text(pen, socket.label, x + 16, y + socket.y, width / 2 - 16, '12px', 'var(--text)');
    for (const socket of layout.outputs) text(pen, socket.label, x + width - 16, y + socket.y, width / 2 - 16, '12px', 'var(--text)', 'right');
    let top = y + HEADER + PAD + Math.max(plain.length, layout.outputs.length) * ROW + (plain.length + layout.outputs.length > 0 ? 4 : 0);
    for (const { input, height } of layout.widgets) {
      panel(pen, { x: x + 10, y: top, width: width - 20, height }, 7, 'var(--field)', 'var(--line)');
      const value = asText(node.values[input.name] ?? input.widget.default).split('\n')[0] ?? '';
      const tall = height > 40;
      if (!tall) text(pen, input.label, x + 19, top + 14, width / 2, '12px', 'var(--muted)');
      text(pen, value, tall ? x + 19 : x + width - 19, top + 14, tall ? width - 38 : width / 2 - 10, '12px', 'var(--text)', tall ? 'left' : 'right');
      top += height + 4;
    }
  }
  for (const [side, sockets] of [[x, layout.inputs], [x + width, layout.outputs]] as const) {
    for (const socket of sockets) {
      context.beginPath();
      context.arc(side, y + socket.y, 5, 0, 2 * Math.PI);
      context.fillStyle = color(typeColor(socket.type));
      context.fill();
    }
  }
  context.globalAlpha = 1;
}

/** The whole graph on a canvas; undefined where there is nothing, or no canvas that large. */
export function pictureOfGraph(): HTMLCanvasElement | undefined {
  const state = getState();
  const cards = boxes(state);
  const groups = state.graph.groups.map(({ position, size }) => ({ ...position, ...size }));
  const bounds = around([...cards.map(([, box]) => box), ...groups]);
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d');
  if (!bounds || !context) return undefined;
  const [width, height] = [bounds.width + 2 * MARGIN, bounds.height + 2 * MARGIN];
  const scale = Math.min(SCALE, LARGEST_PX / Math.max(width, height));
  canvas.width = Math.ceil(width * scale);
  canvas.height = Math.ceil(height * scale);
  const pen = { context, color: styleValues() };
  context.fillStyle = pen.color('var(--background)');
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.setTransform(scale, 0, 0, scale, (MARGIN - bounds.x) * scale, (MARGIN - bounds.y) * scale);
  context.textBaseline = 'middle';
  state.graph.groups.forEach((group, at) => {
    const box = groups[at];
    if (!box) return;
    panel(pen, box, 16, 'var(--map-frame)', group.color || 'var(--line)');
    text(pen, group.title, box.x + 16, box.y + 20, box.width - 32, '600 13px', 'var(--muted)');
  });
  drawLinks(pen, state);
  for (const [id, box] of cards) {
    const node = state.graph.nodes[id];
    if (node) drawCard(pen, state, node, box);
  }
  return canvas;
}

/** Download the graph as a PNG. */
export function savePictureOfGraph(): void {
  pictureOfGraph()?.toBlob((blob) => {
    if (!blob) return;
    const url = URL.createObjectURL(blob);
    const anchor = document.createElement('a');
    anchor.href = url;
    anchor.download = `${getState().name.replace(/[^\p{L}\p{N} ._-]+/gu, '_')}.png`;
    anchor.click();
    URL.revokeObjectURL(url);
  }, 'image/png');
}
