/** The graph as React Flow wants it; objects are kept for whatever did not change. */
import { Position, type Node, type NodeHandle } from '@xyflow/react';
import { wiredAdvanced } from '../graph/advanced';
import type { Box } from '../graph/align';
import { curveOf, pathOf } from '../graph/curve';
import { cardLayout, type CardLayout, type Socket } from '../graph/geometry';
import { depthOf, isPinned } from '../graph/look';
import { linkIndex, type Graph, type GraphNode, type Link } from '../graph/model';
import type { NodeSpec, Schema } from '../graph/schema';
import { specOf } from '../graph/virtual';
import { TEXT } from '../text';

export type CardNode = Node<Record<string, never>, 'card'>;
export type FrameNode = Node<{ title: string; color: string; at: number }, 'frame'>;
export type FlowNode = CardNode | FrameNode;

/** What decides where cards stand and how large they are. */
export interface Scene {
  graph: Graph;
  schema: Schema;
  live: ReadonlySet<string>;
}

/** Drawn width of a socket; links end at its outer edge. */
const SOCKET = 10;

/** Handle ids: `in:<input>` and `out:<slot>`. */
export function handleId(side: 'in' | 'out', key: string): string {
  return `${side}:${key}`;
}

/** The input name or slot of a handle id. */
export function handleKey(id: string | null | undefined): string {
  return (id ?? '').replace(/^(in|out):/, '');
}

function handle(side: 'in' | 'out', socket: Socket, width: number): NodeHandle {
  return {
    id: handleId(side, socket.key),
    type: side === 'in' ? 'target' : 'source',
    position: side === 'in' ? Position.Left : Position.Right,
    x: (side === 'in' ? 0 : width) - SOCKET / 2, y: socket.y - SOCKET / 2, width: SOCKET, height: SOCKET,
  };
}

const layouts = new WeakMap<GraphNode, { spec: NodeSpec | undefined; live: boolean; wired: string; layout: CardLayout }>();

/** Layout of a card, computed once per state of its node. */
export function layoutOf(node: GraphNode, spec: NodeSpec | undefined, live: boolean, wired: string): CardLayout {
  const known = layouts.get(node);
  if (known?.spec === spec && known?.live === live && known.wired === wired) return known.layout;
  const layout = cardLayout(node, spec, live, wired);
  layouts.set(node, { spec, live, wired, layout });
  return layout;
}

/** Layout of a card where it stands. */
export function layoutAt({ graph, schema, live }: Scene, node: GraphNode): CardLayout {
  const spec = specOf(schema, node);
  return layoutOf(node, spec, live.has(node.id), wiredAdvanced(graph, node, spec));
}

let placed: { nodes: Graph['nodes']; links: Graph['links']; schema: Schema; live: Scene['live']; boxes: readonly [string, Box][] } | undefined;

function placeAll(scene: Scene): [string, Box][] {
  return Object.values(scene.graph.nodes).map((node) => {
    const { width, height } = layoutAt(scene, node);
    return [node.id, { x: node.position.x, y: node.position.y, width, height }];
  });
}

/** Every card's place and size. Asked in each frame of a pan, so kept until something of it changes. */
export function boxes(scene: Scene): readonly [string, Box][] {
  const { graph: { nodes, links }, schema, live } = scene;
  if (placed?.nodes !== nodes || placed.links !== links || placed.schema !== schema || placed.live !== live) {
    placed = { nodes, links, schema, live, boxes: placeAll(scene) };
  }
  return placed.boxes;
}

const made = new WeakMap<GraphNode, { layout: CardLayout; selected: boolean; flow: CardNode }>();

function cardNode(scene: Scene, node: GraphNode, selected: boolean): CardNode {
  const layout = layoutAt(scene, node);
  const known = made.get(node);
  if (known?.layout === layout && known.selected === selected) return known.flow;
  const { width, height, inputs, outputs } = layout;
  const flow: CardNode = {
    id: node.id, type: 'card', position: node.position, data: {}, width, height, measured: { width, height }, selected,
    handles: [...inputs.map((s) => handle('in', s, width)), ...outputs.map((s) => handle('out', s, width))],
    ariaLabel: titleIn(scene, node.id), domAttributes: { 'aria-roledescription': TEXT.card.kindOfCard }, draggable: !isPinned(node),
    // A drag that begins on a pinned card moves nothing, not even the view.
    ...(isPinned(node) ? { className: 'nopan' } : {}),
    zIndex: (scene.live.has(node.id) ? 10 : 1) + depthOf(node),
  };
  made.set(node, { layout, selected, flow });
  return flow;
}

/** Name of a card for those who do not see it. */
export function titleIn({ graph, schema }: Pick<Scene, 'graph' | 'schema'>, id: string): string {
  const node = graph.nodes[id];
  return node ? TEXT.card.label(node.title || (specOf(schema, node)?.title ?? node.type), id) : id;
}

const FRAME = 'frame:';

function frameId(at: number): string {
  return FRAME + String(at);
}

/** The place in the list of the group with this id; undefined for a card's id. */
export function groupOf(id: string): number | undefined {
  return id.startsWith(FRAME) ? Number(id.slice(FRAME.length)) : undefined;
}

function frames(graph: Graph): FrameNode[] {
  return graph.groups.map((group, at) => ({
    id: frameId(at), type: 'frame', position: group.position, data: { title: group.title, color: group.color, at },
    ...group.size, measured: group.size, selectable: false, dragHandle: '.frame-title', focusable: false, connectable: false, zIndex: -1,
  }));
}

const framesOf = new WeakMap<Graph['groups'], FrameNode[]>();

/** Links that begin or end at one of these cards. */
export function linksAt(graph: Graph, ids: ReadonlySet<string>): Set<Link> {
  const { into, outOf } = linkIndex(graph);
  const found = new Set<Link>();
  for (const id of ids) {
    for (const link of Object.values(into[id] ?? {})) found.add(link);
    for (const link of outOf[id] ?? []) found.add(link);
  }
  return found;
}

/**
 * One order for ids, whichever of them are drawn. Were an element to change its place among the others, the browser would
 * take all that follow out of the page and lay them out anew.
 */
function byId(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : Number(a > b));
}

/** Frames and the cards drawn as elements. */
export function flowNodes(scene: Scene, ids: ReadonlySet<string>, selection: ReadonlySet<string>): FlowNode[] {
  const { graph } = scene;
  let drawn = framesOf.get(graph.groups);
  if (!drawn) framesOf.set(graph.groups, (drawn = frames(graph)));
  const flow: FlowNode[] = [...drawn];
  for (const id of [...ids].sort(byId)) {
    const node = graph.nodes[id];
    if (node) flow.push(cardNode(scene, node, selection.has(id)));
  }
  return flow;
}

/** A link as it is drawn. */
export interface Line {
  id: string;
  type: string;
  /** The curve, as the `d` of an SVG path. */
  path: string;
  name: string;
}

const lines = new WeakMap<Link, { ends: readonly unknown[]; line: Line }>();

function makeLine(scene: Scene, link: Link, output: CardLayout): Line | undefined {
  const curve = curveOf(scene.graph, link, (id) => {
    const node = scene.graph.nodes[id];
    return node && layoutAt(scene, node);
  });
  const from = TEXT.card.output(output.outputs[link.sourceSlot]?.name ?? String(link.sourceSlot), titleIn(scene, link.source));
  const name = TEXT.card.link(from, TEXT.card.input(link.input, titleIn(scene, link.target)));
  return curve && { id: link.id, type: link.type, path: pathOf(curve), name };
}

function lineOf(scene: Scene, link: Link): Line | undefined {
  const [source, target] = [scene.graph.nodes[link.source], scene.graph.nodes[link.target]];
  if (!source || !target) return undefined;
  const ends = [source, target, layoutAt(scene, source), layoutAt(scene, target)] as const;
  const known = lines.get(link);
  if (known && ends.every((end, at) => end === known.ends[at])) return known.line;
  const line = makeLine(scene, link, ends[2]);
  if (line) lines.set(link, { ends, line });
  return line;
}

/** Links as they are drawn, each time in the same order. */
export function flowLines(scene: Scene, links: ReadonlySet<Link>): Line[] {
  return [...links].sort((a, b) => byId(a.id, b.id)).flatMap((link) => lineOf(scene, link) ?? []);
}
