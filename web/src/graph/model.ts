/** The graph being edited: immutable, every edit returns a new one that shares what did not change. */
import type { JsonObject } from './json';
import type { WidgetValue } from './schema';

export interface Point {
  x: number;
  y: number;
}

export interface Size {
  width: number;
  height: number;
}

export type SeedControl = 'fixed' | 'increment' | 'decrement' | 'randomize';
export const SEED_CONTROLS: readonly SeedControl[] = ['fixed', 'randomize', 'increment', 'decrement'];

/** What the engine does with a node: run it, leave it out, or pass its inputs through. */
export type Mode = 'always' | 'muted' | 'bypassed';

export interface SlotRecord {
  name: string;
  type: string;
}

export interface GraphNode {
  id: string;
  type: string;
  /** Given by the user; empty means the title of the type. */
  title: string;
  position: Point;
  size: Size;
  mode: Mode;
  collapsed: boolean;
  /** Whether its advanced inputs are unfolded. */
  open: boolean;
  values: Readonly<Record<string, WidgetValue>>;
  controls: Readonly<Record<string, SeedControl>>;
  /** Sockets as the file named them; they stand in for the schema where the type is unknown. */
  inputs: readonly SlotRecord[];
  outputs: readonly SlotRecord[];
  /** The node as it stood in the file, so that saving keeps what the editor does not know. */
  raw: JsonObject;
}

export interface Link {
  id: string;
  source: string;
  sourceSlot: number;
  target: string;
  /** Name of the input it feeds. */
  input: string;
  type: string;
}

export interface Group {
  title: string;
  position: Point;
  size: Size;
  color: string;
  raw: JsonObject;
}

export interface Graph {
  nodes: Readonly<Record<string, GraphNode>>;
  links: Readonly<Record<string, Link>>;
  groups: readonly Group[];
  /** Everything else of the document, kept for saving. */
  rest: JsonObject;
}

export const EMPTY_GRAPH: Graph = { nodes: {}, links: {}, groups: [], rest: {} };

/** Links that end at or leave each node, computed once per graph. */
export interface LinkIndex {
  into: Readonly<Record<string, Readonly<Record<string, Link>>>>;
  outOf: Readonly<Record<string, readonly Link[]>>;
}

const indexes = new WeakMap<Graph['links'], LinkIndex>();

/** Links by target input and by source node. */
export function linkIndex(graph: Graph): LinkIndex {
  const known = indexes.get(graph.links);
  if (known) return known;
  const into: Record<string, Record<string, Link>> = {};
  const outOf: Record<string, Link[]> = {};
  for (const link of Object.values(graph.links)) {
    (into[link.target] ??= {})[link.input] = link;
    (outOf[link.source] ??= []).push(link);
  }
  const index = { into, outOf };
  indexes.set(graph.links, index);
  return index;
}

/** The link that feeds an input, if any. */
export function linkInto(graph: Graph, node: string, input: string): Link | undefined {
  return linkIndex(graph).into[node]?.[input];
}

function nextNumber(ids: readonly string[], recorded: unknown): string {
  let largest = typeof recorded === 'number' ? recorded : 0;
  for (const id of ids) {
    const value = Number(id);
    if (Number.isInteger(value) && value > largest) largest = value;
  }
  return String(largest + 1);
}

/** An unused node id; ids of removed nodes are not used again within a document. */
export function nextNodeId(graph: Graph): string {
  return nextNumber(Object.keys(graph.nodes), graph.rest['last_node_id']);
}

/** An unused link id. */
export function nextLinkId(graph: Graph): string {
  return nextNumber(Object.keys(graph.links), graph.rest['last_link_id']);
}
