/** A graph in so few strokes that a small picture of it says something: cards as blocks, links as curves. */
import { around, type Box } from './align';
import { curveOf, type Curve } from './curve';
import { GAP, HEADER, layoutIn, PAD, ROW, type CardLayout } from './geometry';
import type { Graph, GraphNode, Point, Size } from './model';
import type { Schema } from './schema';
import { specOf } from './virtual';

/** Room between the graph and the edge of its picture. */
const MARGIN = 12;
/** Graphs are wide and pictures are not: heights may be drawn so much larger than widths. */
const STRETCH = 1.9;
/** What stands in a card keeps this distance from its edge, before it is drawn smaller. */
const INSET = 16;

export interface MiniatureCard extends Box {
  id: string;
  category: string;
  header: number;
  fields: readonly Box[];
  /** Where a picture would be. */
  picture: Box | null;
}

export interface Miniature {
  cards: readonly MiniatureCard[];
  links: readonly (Curve & { id: string; type: string })[];
}

interface Scale {
  point: (at: Point) => Point;
  box: (box: Box) => Box;
}

/** Fits an area into a picture. */
function scaleOf(area: Box, { width, height }: Size): Scale {
  const [wide, high] = [(width - 2 * MARGIN) / area.width, (height - 2 * MARGIN) / area.height];
  const [sx, sy] = [Math.min(wide, high * STRETCH), Math.min(high, wide * STRETCH)];
  const [left, top] = [(width - area.width * sx) / 2, (height - area.height * sy) / 2];
  const point = ({ x, y }: Point): Point => ({ x: left + (x - area.x) * sx, y: top + (y - area.y) * sy });
  return { point, box: (box) => ({ ...point(box), width: box.width * sx, height: box.height * sy }) };
}

/** The fields of a card from top to bottom, and below them its picture. */
function contents({ position: { x, y } }: GraphNode, layout: CardLayout): { fields: Box[]; picture: Box | null } {
  const rows = Math.max(layout.inputs.filter((socket) => !socket.onWidget).length, layout.outputs.length);
  const inner = { x: x + INSET, width: layout.width - 2 * INSET };
  let top = y + HEADER + PAD + rows * ROW + (rows > 0 ? GAP : 0);
  const fields = layout.widgets.map(({ height }) => {
    const field = { ...inner, y: top, height };
    top += height + GAP;
    return field;
  });
  return { fields, picture: layout.picture > 0 ? { ...inner, y: top, height: layout.picture } : null };
}

/** What is drawn of a graph in a picture of this size; nothing of an empty one. */
export function miniature(graph: Graph, schema: Schema, size: Size): Miniature {
  const placed = Object.values(graph.nodes).map((node) => {
    const layout = layoutIn(graph, schema, node);
    return { node, layout, box: { ...node.position, width: layout.width, height: layout.height } };
  });
  const area = around(placed.map(({ box }) => box));
  if (!area) return { cards: [], links: [] };
  const { point, box: fit } = scaleOf(area, size);
  const layouts = new Map(placed.map(({ node, layout }) => [node.id, layout]));
  const cards = placed.map(({ node, layout, box }) => {
    const { fields, picture } = node.collapsed ? { fields: [], picture: null } : contents(node, layout);
    const header = fit({ ...box, height: HEADER }).height;
    return { ...fit(box), id: node.id, category: specOf(schema, node)?.category ?? '', header, fields: fields.map(fit), picture: picture && fit(picture) };
  });
  const links = Object.values(graph.links).flatMap((link) => {
    const curve = curveOf(graph, link, (id) => layouts.get(id));
    return curve ? [{ id: link.id, type: link.type, from: point(curve.from), out: point(curve.out), into: point(curve.into), to: point(curve.to) }] : [];
  });
  return { cards, links };
}
