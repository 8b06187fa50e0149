/** Automatic layout: columns from left to right, so that links run forwards and cards do not overlap. */
import { layoutIn } from './geometry';
import type { Graph, GraphNode, Group, Point, Size } from './model';
import { linkIndex } from './model';
import type { Schema } from './schema';

const COLUMN_GAP = 72;
const ROW_GAP = 32;
const SWEEPS = 4;
const GROUP_MARGIN = 16;
const GROUP_TITLE = 32;
/** Cards without links fill rows at least this wide. */
const LONE_ROW = 1400;
const PLACE_GAP = 36;

type Sizes = Readonly<Record<string, Size>>;

function sizesOf(graph: Graph, schema: Schema): Sizes {
  const size = (node: GraphNode): Size => layoutIn(graph, schema, node);
  return Object.fromEntries(Object.values(graph.nodes).map((node) => [node.id, size(node)]));
}

/** Nodes so that sources come before targets; nodes on a cycle come last. */
export function topologicalOrder(graph: Graph): string[] {
  const { into, outOf } = linkIndex(graph);
  const open: Record<string, number> = {};
  for (const id of Object.keys(graph.nodes)) open[id] = Object.keys(into[id] ?? {}).length;
  const ready = Object.keys(open).filter((id) => open[id] === 0);
  const order: string[] = [];
  for (let at = 0; at < ready.length; at++) {
    const id = ready[at] ?? '';
    order.push(id);
    for (const link of outOf[id] ?? []) {
      const left = (open[link.target] ?? 0) - 1;
      open[link.target] = left;
      if (left === 0) ready.push(link.target);
    }
  }
  const placed = new Set(order);
  return [...order, ...Object.keys(graph.nodes).filter((id) => !placed.has(id))];
}

/** Column of each node: one right of its furthest source; nodes without sources stand just before their first reader. */
function columns(graph: Graph): Record<string, number> {
  const { into, outOf } = linkIndex(graph);
  const column: Record<string, number> = {};
  const order = topologicalOrder(graph);
  for (const id of order) {
    const sources = Object.values(into[id] ?? {}).map((link) => column[link.source] ?? 0);
    column[id] = sources.length > 0 ? Math.max(...sources) + 1 : 0;
  }
  for (const id of order) {
    const readers = outOf[id] ?? [];
    if (Object.keys(into[id] ?? {}).length > 0 || readers.length === 0) continue;
    column[id] = Math.max(0, Math.min(...readers.map((link) => column[link.target] ?? 1)) - 1);
  }
  return column;
}

/** Order within columns by the mean place of neighbours (barycentre heuristic, Sugiyama et al. 1981). */
function ordered(graph: Graph, column: Record<string, number>): string[][] {
  const { into, outOf } = linkIndex(graph);
  const layers: string[][] = [];
  for (const id of topologicalOrder(graph)) (layers[column[id] ?? 0] ??= []).push(id);
  const filled = layers.filter((layer) => layer.length > 0);
  const place: Record<string, number> = {};
  const renumber = (layer: string[]): void => layer.forEach((id, at) => (place[id] = at / Math.max(layer.length - 1, 1)));
  filled.forEach(renumber);
  const mean = (id: string, neighbours: string[]): number =>
    neighbours.length > 0 ? neighbours.reduce((sum, n) => sum + (place[n] ?? 0), 0) / neighbours.length : (place[id] ?? 0);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const forwards = sweep % 2 === 0;
    for (const layer of forwards ? filled : [...filled].reverse()) {
      const weight = Object.fromEntries(layer.map((id) => [id, mean(id, forwards
        ? Object.values(into[id] ?? {}).map((link) => link.source)
        : (outOf[id] ?? []).map((link) => link.target))]));
      layer.sort((a, b) => (weight[a] ?? 0) - (weight[b] ?? 0));
      renumber(layer);
    }
  }
  return filled;
}

/** The graph with every node placed in columns; groups go with what stood in them. */
export function arrange(graph: Graph, schema: Schema): Graph {
  const sizes = sizesOf(graph, schema);
  const nodes: Record<string, GraphNode> = { ...graph.nodes };
  const { into, outOf } = linkIndex(graph);
  const isLinked = (id: string): boolean => Object.keys(into[id] ?? {}).length > 0 || (outOf[id] ?? []).length > 0;
  const layers = ordered(graph, columns(graph));
  let x = 0;
  let bottom = 0;
  for (const layer of layers.map((ids) => ids.filter(isLinked))) {
    if (layer.length === 0) continue;
    const widest = Math.max(...layer.map((id) => sizes[id]?.width ?? 0));
    const height = layer.reduce((sum, id) => sum + (sizes[id]?.height ?? 0) + ROW_GAP, -ROW_GAP);
    let y = Math.round(Math.max(0, 320 - height / 2));
    for (const id of layer) {
      const node = nodes[id];
      if (node) nodes[id] = { ...node, position: { x, y } };
      y += (sizes[id]?.height ?? 0) + ROW_GAP;
    }
    bottom = Math.max(bottom, y + ROW_GAP);
    x += widest + COLUMN_GAP;
  }
  const alone = layers.flat().filter((id) => !isLinked(id));
  Object.assign(nodes, inRows(alone, nodes, sizes, bottom, Math.max(x, LONE_ROW)));
  return { ...graph, nodes, groups: graph.groups.length > 0 ? graph.groups.map((group) => refitted(group, graph, nodes, sizes)) : graph.groups };
}

/** Cards without links in rows of a width, from `top` downwards. */
function inRows(ids: readonly string[], nodes: Graph['nodes'], sizes: Sizes, top: number, width: number): Record<string, GraphNode> {
  const placed: Record<string, GraphNode> = {};
  const at = { x: 0, y: top };
  let tallest = 0;
  for (const id of ids) {
    const node = nodes[id];
    const size = sizes[id] ?? { width: 0, height: 0 };
    if (at.x > 0 && at.x + size.width > width) Object.assign(at, { x: 0, y: at.y + tallest + ROW_GAP });
    if (at.x === 0) tallest = 0;
    if (node) placed[id] = { ...node, position: { ...at } };
    tallest = Math.max(tallest, size.height);
    at.x += size.width + ROW_GAP;
  }
  return placed;
}

/** A group drawn anew around the cards that stood in it; where it is when it held none. */
function refitted(group: Group, before: Graph, after: Graph['nodes'], sizes: Sizes): Group {
  const inside = Object.values(before.nodes).filter((node) => isWithin(group, node)).map((node) => after[node.id] ?? node);
  if (inside.length === 0) return group;
  const left = Math.min(...inside.map((node) => node.position.x)) - GROUP_MARGIN;
  const top = Math.min(...inside.map((node) => node.position.y)) - GROUP_MARGIN - GROUP_TITLE;
  const right = Math.max(...inside.map((node) => node.position.x + (sizes[node.id]?.width ?? 0))) + GROUP_MARGIN;
  const bottom = Math.max(...inside.map((node) => node.position.y + (sizes[node.id]?.height ?? 0))) + GROUP_MARGIN;
  return { ...group, position: { x: left, y: top }, size: { width: right - left, height: bottom - top } };
}

function isWithin({ position, size }: Group, { position: at }: GraphNode): boolean {
  return at.x >= position.x && at.x < position.x + size.width && at.y >= position.y && at.y < position.y + size.height;
}

/** A group stretched over the cards that stood in it before they were moved. */
function around(group: Group, before: Graph, after: Graph['nodes'], sizes: Sizes): Group {
  const { position, size } = group;
  const inside = Object.values(before.nodes).filter((node) => isWithin(group, node));
  const edge = (node: GraphNode, side: 'width' | 'height'): number => {
    const at = (after[node.id] ?? node).position;
    return (side === 'width' ? at.x - position.x : at.y - position.y) + (sizes[node.id]?.[side] ?? 0) + GROUP_MARGIN;
  };
  const width = Math.max(size.width, ...inside.map((node) => edge(node, 'width')));
  const height = Math.max(size.height, ...inside.map((node) => edge(node, 'height')));
  return width === size.width && height === size.height ? group : { ...group, size: { width, height } };
}

function overlaps(a: Point & Size, b: Point & Size): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;
}

/** The place nearest to `at`, to the right or downwards, where a card of this size covers no other. */
export function freePlace(graph: Graph, schema: Schema, at: Point, size: Size, way: 'right' | 'down' = 'right'): Point {
  const sizes = sizesOf(graph, schema);
  const taken = Object.values(graph.nodes).map((node) => ({ ...node.position, ...(sizes[node.id] ?? node.size) }));
  const box = { x: at.x, y: at.y, width: size.width, height: size.height };
  for (let hit = taken.find((other) => overlaps(box, other)); hit; hit = taken.find((other) => overlaps(box, other))) {
    if (way === 'right') box.x = hit.x + hit.width + PLACE_GAP;
    else box.y = hit.y + hit.height + PLACE_GAP;
  }
  return { x: box.x, y: box.y };
}

/**
 * The graph with overlapping cards pushed down.
 *
 * Files laid out elsewhere assume smaller cards; those that already fit stay where they are.
 */
export function separate(graph: Graph, schema: Schema): Graph {
  const sizes = sizesOf(graph, schema);
  const nodes: Record<string, GraphNode> = { ...graph.nodes };
  const placed: (Point & Size)[] = [];
  const fromTop = Object.values(graph.nodes).sort((a, b) => a.position.y - b.position.y || a.position.x - b.position.x);
  for (const node of fromTop) {
    const size = sizes[node.id] ?? node.size;
    const box = { ...node.position, width: size.width, height: size.height };
    for (let hit = placed.find((other) => overlaps(box, other)); hit; hit = placed.find((other) => overlaps(box, other))) {
      box.y = hit.y + hit.height + 16;
    }
    placed.push(box);
    if (box.y !== node.position.y) nodes[node.id] = { ...node, position: { x: box.x, y: box.y } };
  }
  return { ...graph, nodes, groups: graph.groups.map((group) => around(group, graph, nodes, sizes)) };
}

/**
 * The graph with the cards below a grown card moved down where it would now cover them, and those below them likewise.
 * `before` is the graph in which the card still had its old height.
 */
export function makeRoom(graph: Graph, before: Graph, schema: Schema, grown: string): Graph {
  const [sizes, old] = [sizesOf(graph, schema), sizesOf(before, schema)];
  const nodes: Record<string, GraphNode> = { ...graph.nodes };
  const box = (id: string): Point & Size => ({ ...(nodes[id]?.position ?? { x: 0, y: 0 }), ...(sizes[id] ?? { width: 0, height: 0 }) });
  const pending = [grown];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    const moved = box(id);
    const bottom = (before.nodes[id]?.position.y ?? 0) + (old[id]?.height ?? 0);
    for (const other of Object.values(nodes)) {
      if (other.id === id || (before.nodes[other.id]?.position.y ?? 0) < bottom || !overlaps(moved, box(other.id))) continue;
      nodes[other.id] = { ...other, position: { x: other.position.x, y: moved.y + moved.height + 16 } };
      pending.push(other.id);
    }
  }
  return { ...graph, nodes };
}
