/** The graph as React Flow wants it; objects are kept for whatever did not change. */
import { Position, type Edge, type Node, type NodeHandle } from '@xyflow/react';
import { wiredAdvanced } from '../graph/advanced';
import { cardLayout, type CardLayout, type Socket } from '../graph/geometry';
import type { Graph, GraphNode, Link } from '../graph/model';
import type { NodeSpec, Schema } from '../graph/schema';
import { specOf } from '../graph/virtual';
import { TEXT } from '../text';

export type CardNode = Node<Record<string, never>, 'card'>;
export type FrameNode = Node<{ title: string; color: string }, 'frame'>;
export type FlowNode = CardNode | FrameNode;
export type LinkEdge = Edge<{ type: string }, 'link'>;

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

interface Made {
  spec: NodeSpec | undefined;
  selected: boolean;
  live: boolean;
  wired: string;
  flow: CardNode;
}

const made = new WeakMap<GraphNode, Made>();
const layouts = new WeakMap<GraphNode, { spec: NodeSpec | undefined; live: boolean; wired: string; layout: CardLayout }>();

/** Layout of a card, computed once per state of its node. */
export function layoutOf(node: GraphNode, spec: NodeSpec | undefined, live: boolean, wired: string): CardLayout {
  const known = layouts.get(node);
  if (known?.spec === spec && known?.live === live && known.wired === wired) return known.layout;
  const layout = cardLayout(node, spec, live, wired);
  layouts.set(node, { spec, live, wired, layout });
  return layout;
}

function cardNode(node: GraphNode, spec: NodeSpec | undefined, selected: boolean, live: boolean, wired: string): CardNode {
  const known = made.get(node);
  if (known && known.spec === spec && known.selected === selected && known.live === live && known.wired === wired) return known.flow;
  const { width, height, inputs, outputs } = layoutOf(node, spec, live, wired);
  const flow: CardNode = {
    id: node.id, type: 'card', position: node.position, data: {}, width, height, measured: { width, height }, selected,
    handles: [...inputs.map((s) => handle('in', s, width)), ...outputs.map((s) => handle('out', s, width))],
    ariaLabel: TEXT.card.label(node.title || (spec?.title ?? node.type), node.id),
    zIndex: live ? 10 : 1,
  };
  made.set(node, { spec, selected, live, wired, flow });
  return flow;
}

function frames(graph: Graph): FrameNode[] {
  return graph.groups.map((group, at) => ({
    id: `frame:${at}`, type: 'frame', position: group.position, data: { title: group.title, color: group.color },
    ...group.size, measured: group.size, selectable: false, draggable: false, focusable: false, connectable: false, zIndex: -1,
  }));
}

const framesOf = new WeakMap<Graph['groups'], FrameNode[]>();

/** Cards and frames of a graph. */
export function flowNodes(graph: Graph, schema: Schema, selection: ReadonlySet<string>, live: ReadonlySet<string>): FlowNode[] {
  let drawn = framesOf.get(graph.groups);
  if (!drawn) framesOf.set(graph.groups, (drawn = frames(graph)));
  const cards = Object.values(graph.nodes).map((node) => {
    const spec = specOf(schema, node);
    return cardNode(node, spec, selection.has(node.id), live.has(node.id), wiredAdvanced(graph, node, spec));
  });
  return [...drawn, ...cards];
}

const edges = new WeakMap<Link, LinkEdge>();

/** Links of a graph. */
export function flowEdges(graph: Graph, selection: ReadonlySet<string>): LinkEdge[] {
  return Object.values(graph.links).map((link) => {
    const selected = selection.has(link.id);
    const known = edges.get(link);
    if (known && known.selected === selected) return known;
    const edge: LinkEdge = {
      id: link.id, type: 'link', source: link.source, target: link.target, selected, data: { type: link.type },
      sourceHandle: handleId('out', String(link.sourceSlot)), targetHandle: handleId('in', link.input),
    };
    edges.set(link, edge);
    return edge;
  });
}
