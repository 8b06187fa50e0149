/** Lining cards up: by an edge or a middle, at equal distances, on a grid. */
import { layoutIn } from './geometry';
import type { Graph, Point, Size } from './model';
import { moveNodes } from './edit';
import type { Schema } from './schema';

export type Edge = 'left' | 'centre' | 'right' | 'top' | 'middle' | 'bottom';
export type Axis = 'x' | 'y';
export type Box = Point & Size;

/** Distance of the grid that cards snap to; the dots of the canvas stand as far apart. */
export const GRID = 24;

/** Where a card stands and how large it is drawn. */
export function boxOf(graph: Graph, schema: Schema, id: string): Box | undefined {
  const node = graph.nodes[id];
  if (!node) return undefined;
  const { width, height } = layoutIn(graph, schema, node);
  return { ...node.position, width, height };
}

/** Boxes of some cards by their ids. */
export function boxesOf(graph: Graph, schema: Schema, ids: Iterable<string>): [string, Box][] {
  return [...ids].flatMap((id): [string, Box][] => {
    const box = boxOf(graph, schema, id);
    return box ? [[id, box]] : [];
  });
}

/** The smallest box around others; undefined around none. */
export function around(boxes: readonly Box[]): Box | undefined {
  if (boxes.length === 0) return undefined;
  const bounds = { x: Infinity, y: Infinity, right: -Infinity, bottom: -Infinity };
  for (const { x, y, width, height } of boxes) {
    bounds.x = Math.min(bounds.x, x);
    bounds.y = Math.min(bounds.y, y);
    bounds.right = Math.max(bounds.right, x + width);
    bounds.bottom = Math.max(bounds.bottom, y + height);
  }
  return { x: bounds.x, y: bounds.y, width: bounds.right - bounds.x, height: bounds.bottom - bounds.y };
}

/** The middle of some points; of none the origin. */
export function centreOf(points: readonly Point[]): Point {
  const box = around(points.map((point) => ({ ...point, width: 0, height: 0 })));
  return box ? { x: box.x + box.width / 2, y: box.y + box.height / 2 } : { x: 0, y: 0 };
}

function aligned(box: Box, bounds: Box, edge: Edge): Point {
  switch (edge) {
    case 'left': return { x: bounds.x, y: box.y };
    case 'centre': return { x: Math.round(bounds.x + (bounds.width - box.width) / 2), y: box.y };
    case 'right': return { x: bounds.x + bounds.width - box.width, y: box.y };
    case 'top': return { x: box.x, y: bounds.y };
    case 'middle': return { x: box.x, y: Math.round(bounds.y + (bounds.height - box.height) / 2) };
    case 'bottom': return { x: box.x, y: bounds.y + bounds.height - box.height };
  }
}

/** The graph with cards lined up by an edge or middle of the area they take together. */
export function align(graph: Graph, schema: Schema, ids: Iterable<string>, edge: Edge): Graph {
  const boxes = boxesOf(graph, schema, ids);
  const bounds = around(boxes.map(([, box]) => box));
  if (!bounds || boxes.length < 2) return graph;
  return moveNodes(graph, Object.fromEntries(boxes.map(([id, box]) => [id, aligned(box, bounds, edge)])));
}

/** The graph with equal gaps between cards; the first and the last stay where they are. */
export function distribute(graph: Graph, schema: Schema, ids: Iterable<string>, axis: Axis): Graph {
  const side = axis === 'x' ? 'width' : 'height';
  const boxes = boxesOf(graph, schema, ids).sort(([, a], [, b]) => a[axis] - b[axis]);
  const bounds = around(boxes.map(([, box]) => box));
  if (!bounds || boxes.length < 3) return graph;
  const filled = boxes.reduce((sum, [, box]) => sum + box[side], 0);
  const gap = (bounds[side] - filled) / (boxes.length - 1);
  let at = bounds[axis];
  const places: Record<string, Point> = {};
  for (const [id, { x, y, [side]: length }] of boxes) {
    places[id] = { x, y, [axis]: Math.round(at) };
    at += length + gap;
  }
  return moveNodes(graph, places);
}

/** The point of the grid nearest to a point. */
export function snapped({ x, y }: Point): Point {
  return { x: Math.round(x / GRID) * GRID, y: Math.round(y / GRID) * GRID };
}
