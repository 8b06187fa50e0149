/** The graph being edited: immutable, every edit returns a new one that shares what did not change. */
import { isObject, type Json, type JsonObject } from './json';
import type { Report } from './report';
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
  /** Of a subgraph's own inputs and outputs: stays the same when they are renamed or moved. */
  id?: string;
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
  /** Whether it stays where it is. */
  pinned: boolean;
  /** Colours of its header and its body, as the user or the file chose them; empty: those of its category. */
  color: string;
  background: string;
  /** How far in front of others it stands; 0 unless it was moved. */
  depth: number;
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
  /** The link as it stood in the file. */
  raw?: Json;
}

export interface Group {
  title: string;
  position: Point;
  size: Size;
  color: string;
  raw: JsonObject;
}

/** An entry of a list in the file: the id of what was understood, or the entry itself where it was not. */
export type Entry = { id: string } | { raw: Json };

/** A document as it was read. What the graph does not change is written as it stands here. */
export interface Source {
  raw: JsonObject;
  graph: Graph;
  nodes: readonly Entry[];
  links: readonly Entry[];
  /** Largest ids that anything in the document names, also what was not understood. */
  lastNode: number;
  lastLink: number;
}

export interface Graph {
  nodes: Readonly<Record<string, GraphNode>>;
  links: Readonly<Record<string, Link>>;
  groups: readonly Group[];
  /** Everything else of the document, kept for saving. */
  rest: JsonObject;
  /** Graphs that stand for a node, by the type of these nodes. While one is open, its entry is as it was before. */
  subgraphs: Readonly<Record<string, Subgraph>>;
  /** Set while this graph is a subgraph that was opened: where from. */
  outer?: Outer;
  /** The document it was read from; absent in graphs that began empty. */
  source?: Source;
  /** What of that document could not be understood. Of levels within a document only the outermost has it. */
  report?: Report;
}

/**
 * A graph in the place of a node. Its own inputs and outputs are two nodes of it, {@link INPUTS} and {@link OUTPUTS},
 * whose sockets are the subgraph's: so they are linked, moved and drawn like all others.
 */
export interface Subgraph {
  id: string;
  name: string;
  graph: Graph;
}

/** The graph around one that is open, and which of its nodes was opened. */
export interface Outer {
  graph: Graph;
  node: string;
  subgraph: string;
}

/** Ids of the nodes that stand for a subgraph's own inputs and outputs; files use these numbers. */
export const INPUTS = '-10';
export const OUTPUTS = '-20';
export const INPUTS_TYPE = 'SubgraphInputs';
export const OUTPUTS_TYPE = 'SubgraphOutputs';

/** Whether a node stands for the inputs or outputs of the subgraph it is in. */
export function isBoundary(node: GraphNode | undefined): boolean {
  return node?.type === INPUTS_TYPE || node?.type === OUTPUTS_TYPE;
}

export const EMPTY_GRAPH: Graph = { nodes: {}, links: {}, groups: [], rest: {}, subgraphs: {} };

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

const counts = new WeakMap<Graph['nodes'], number>();

/** How many nodes there are; asked at every change of the state, so counted once per set of nodes. */
export function nodeCount({ nodes }: Pick<Graph, 'nodes'>): number {
  const count = counts.get(nodes) ?? Object.keys(nodes).length;
  counts.set(nodes, count);
  return count;
}

/** The link that feeds an input, if any. */
export function linkInto(graph: Graph, node: string, input: string): Link | undefined {
  return linkIndex(graph).into[node]?.[input];
}

/** The largest of some numbers and 0; also of more than a call has room for. */
export function largestOf(numbers: readonly number[]): number {
  return numbers.reduce((most, number) => Math.max(most, number), 0);
}

/** Ids from here on are only names: of a number much larger, one more is the same number. */
const UNCOUNTED = 2 ** 52;

/** One more than the largest of these ids and of what the document records as largest. */
function nextNumber(graph: Graph, ids: readonly string[], key: 'last_node_id' | 'last_link_id', named = 0): string {
  const { state } = graph.rest;
  const counter = key === 'last_node_id' ? 'lastNodeId' : 'lastLinkId';
  const recorded = [graph.rest[key], isObject(state) ? state[counter] : 0, named];
  let largest = 0;
  for (const value of [...recorded, ...ids.map(Number)]) {
    if (typeof value === 'number' && Number.isInteger(value) && value > largest && value < UNCOUNTED) largest = value;
  }
  while (ids.includes(String(largest + 1))) largest += 1;
  return String(largest + 1);
}

/** An unused node id; ids of removed nodes are not used again within a document. */
export function nextNodeId(graph: Graph): string {
  return nextNumber(graph, Object.keys(graph.nodes), 'last_node_id', graph.source?.lastNode);
}

function counter(first: string): () => string {
  let next = Number(first);
  return () => String(next++);
}

/** Unused node ids, one after the other: for adding many at once. */
export function freshNodeIds(graph: Graph): () => string {
  return counter(nextNodeId(graph));
}

/** Unused link ids, one after the other. */
export function freshLinkIds(graph: Graph): () => string {
  return counter(nextLinkId(graph));
}

/** The graph with nodes and links that came under fresh ids. */
export function withAdded(graph: Graph, nodes: Graph['nodes'], links: Graph['links']): Graph {
  const [node, link] = [Object.keys(nodes).at(-1), Object.keys(links).at(-1)];
  const last = { ...(node === undefined ? {} : { last_node_id: Number(node) }), ...(link === undefined ? {} : { last_link_id: Number(link) }) };
  return { ...graph, nodes: { ...graph.nodes, ...nodes }, links: { ...graph.links, ...links }, rest: { ...graph.rest, ...last } };
}

/** An unused link id. */
export function nextLinkId(graph: Graph): string {
  return nextNumber(graph, Object.keys(graph.links), 'last_link_id', graph.source?.lastLink);
}
