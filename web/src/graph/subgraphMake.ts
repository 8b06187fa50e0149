/** Turning a selection into one node, and such a node back into what it stands for. */
import { boxesOf, around, type Box } from './align';
import { freeName, reaches } from './connect';
import { subgraphsUsed } from './document';
import { newNode, removeNodes } from './edit';
import { freshLinkIds, freshNodeIds, INPUTS, isBoundary, linkIndex, nextNodeId, OUTPUTS, withAdded, type Graph, type GraphNode, type Group, type Link, type Point, type SlotRecord, type Subgraph } from './model';
import { boundaryNode, inputSlots, outputSlots, withSubgraphs } from './subgraphSpec';
import type { Schema } from './schema';
import { specOf } from './virtual';

const MARGIN = 240;
const BOUNDARY = { width: 180, height: 0 };

export type MakeRefusal = 'nothing_chosen' | 'circle' | 'recursion';

/** A source outside (or inside) that links cross the border from, with the slot made for it and the links it feeds. */
interface Crossing {
  slot: SlotRecord;
  source: string;
  sourceSlot: number;
  links: Link[];
}

/** One crossing for each output that links leave over the border; `nameOf` names the slot. */
function crossings(links: readonly Link[], newId: () => string, nameOf: (link: Link) => string): Crossing[] {
  const found = new Map<string, Crossing>();
  for (const link of links) {
    const key = `${link.source}\n${link.sourceSlot}`;
    const known = found.get(key);
    if (known) known.links.push(link);
    else {
      const name = freeName(nameOf(link), [...found.values()].map(({ slot }) => slot.name));
      found.set(key, { slot: { id: newId(), name, type: link.type }, source: link.source, sourceSlot: link.sourceSlot, links: [link] });
    }
  }
  return [...found.values()];
}

/** Why a selection cannot become one node. */
export function makeRefusal(graph: Graph, ids: ReadonlySet<string>): MakeRefusal | undefined {
  const chosen = [...ids].filter((id) => id in graph.nodes && !isBoundary(graph.nodes[id]));
  if (chosen.length === 0) return 'nothing_chosen';
  const leaving = Object.values(graph.links).filter((link) => ids.has(link.source) && !ids.has(link.target));
  const returns = leaving.some((link) => chosen.some((id) => reaches(graph, link.target, id)));
  return returns ? 'circle' : undefined;
}

/** Whether a point lies in a group. */
export function isIn({ position, size }: Group, { x, y }: Point): boolean {
  return x >= position.x && x < position.x + size.width && y >= position.y && y < position.y + size.height;
}

/** Groups that hold nodes of the selection and no others. */
function groupsWithin(graph: Graph, ids: ReadonlySet<string>): Group[] {
  return graph.groups.filter((group) => {
    const held = Object.values(graph.nodes).filter((node) => isIn(group, node.position));
    return held.length > 0 && held.every((node) => ids.has(node.id));
  });
}

function byId<T extends { id: string }>(items: readonly T[]): Readonly<Record<string, T>> {
  return Object.fromEntries(items.map((item) => [item.id, item]));
}

function inner(graph: Graph, box: Box, nodes: readonly GraphNode[], incoming: readonly Crossing[], outgoing: readonly Crossing[], groups: readonly Group[]): Graph {
  const ids = new Set(nodes.map((node) => node.id));
  const links = Object.values(graph.links).filter((link) => ids.has(link.source) && ids.has(link.target));
  const entering = incoming.flatMap(({ links: fed }, at) => fed.map((link) => ({ ...link, source: INPUTS, sourceSlot: at })));
  const linkId = freshLinkIds(graph);
  const leaving = outgoing.map(({ slot, source, sourceSlot }): Link => ({
    id: linkId(), source, sourceSlot, target: OUTPUTS, input: slot.name, type: slot.type,
  }));
  const left = boundaryNode('in', incoming.map(({ slot }) => slot), { x: box.x - MARGIN, y: box.y, ...BOUNDARY });
  const right = boundaryNode('out', outgoing.map(({ slot }) => slot), { x: box.x + box.width + MARGIN - BOUNDARY.width, y: box.y, ...BOUNDARY });
  const state = { lastGroupId: 0, lastNodeId: 0, lastLinkId: 0, lastRerouteId: 0 };
  return {
    nodes: byId([...nodes, left, right]), links: byId([...links, ...entering, ...leaving]), groups, subgraphs: {},
    rest: { version: 1, state, revision: 0, config: {}, widgets: [], extra: {} },
  };
}

/** The graph with a selection turned into one node that stands for it, and that node's id. The graph itself where it is refused. */
export function makeSubgraph(graph: Graph, schema: Schema, ids: ReadonlySet<string>, name: string, newId: () => string): { graph: Graph; id: string } | undefined {
  const nodes = Object.values(graph.nodes).filter((node) => ids.has(node.id) && !isBoundary(node));
  const box = around(boxesOf(graph, schema, nodes.map((node) => node.id)).map(([, one]) => one));
  if (!box || makeRefusal(graph, ids)) return undefined;
  const chosen = new Set(nodes.map((node) => node.id));
  const all = Object.values(graph.links);
  const incoming = crossings(all.filter((link) => chosen.has(link.target) && !chosen.has(link.source)), newId, (link) => link.input || 'value');
  const outgoing = crossings(all.filter((link) => chosen.has(link.source) && !chosen.has(link.target)), newId, (link) => {
    const source = graph.nodes[link.source];
    return (source && (specOf(schema, source)?.outputs ?? source.outputs)[link.sourceSlot]?.name) || 'value';
  });
  const groups = groupsWithin(graph, chosen);
  const subgraph: Subgraph = { id: newId(), name, graph: inner(graph, box, nodes, incoming, outgoing, groups) };
  const subgraphs = { ...graph.subgraphs, [subgraph.id]: subgraph };
  const id = nextNodeId(graph);
  const spec = withSubgraphs(schema, subgraphs)[subgraph.id];
  if (!spec) return undefined;
  const card = newNode(spec, id, { x: 0, y: 0 });
  const position = { x: Math.round(box.x + (box.width - card.size.width) / 2), y: Math.round(box.y + (box.height - card.size.height) / 2) };
  const outside = removeNodes(graph, chosen);
  const entering = incoming.map(({ links: [first], slot }) => first && { ...first, target: id, input: slot.name }).filter((link) => link !== undefined);
  const leaving = outgoing.flatMap(({ links }, at) => links.map((link) => ({ ...link, source: id, sourceSlot: at })));
  return {
    id,
    graph: {
      ...outside, subgraphs, nodes: { ...outside.nodes, [id]: { ...card, position } },
      links: { ...outside.links, ...byId([...entering, ...leaving]) },
      groups: graph.groups.filter((group) => !groups.includes(group)), rest: { ...outside.rest, last_node_id: Number(id) },
    },
  };
}

/** Where the nodes of a subgraph come to stand: around the place of the node that stood for them. */
function shift(node: GraphNode, inside: readonly GraphNode[]): Point {
  const box = around(inside.map(({ position }) => ({ ...position, width: 0, height: 0 })));
  return box ? { x: Math.round(node.position.x - box.x), y: Math.round(node.position.y - box.y) } : { x: 0, y: 0 };
}

interface End { source: string; sourceSlot: number }

/** The graph with a node that stands for a subgraph replaced by what is in it, and the ids of that. */
export function unpackSubgraph(graph: Graph, id: string): { graph: Graph; ids: ReadonlySet<string> } | undefined {
  const node = graph.nodes[id];
  const held = graph.subgraphs[node?.type ?? '']?.graph;
  if (!node || !held) return undefined;
  const inside = Object.values(held.nodes).filter((one) => !isBoundary(one));
  const by = shift(node, inside);
  const moved = ({ x, y }: Point): Point => ({ x: x + by.x, y: y + by.y });
  const { into, outOf } = linkIndex(graph);
  const [inputs, outputs] = [inputSlots(held), outputSlots(held)];
  const rest = removeNodes(graph, new Set([id]));
  const [nodeId, linkId] = [freshNodeIds(rest), freshLinkIds(rest)];
  const renamed: Record<string, string> = {};
  const nodes: Record<string, GraphNode> = {};
  const links: Record<string, Link> = {};
  for (const one of inside) {
    const fresh = nodeId();
    renamed[one.id] = fresh;
    const mode = one.mode === 'always' ? node.mode : one.mode;
    const values = { ...one.values, ...given(node, held, into[id] ?? {}, one.id) };
    nodes[fresh] = { ...one, id: fresh, mode, values, position: moved(one.position) };
  }
  const outer = (slot: number): End | undefined => into[id]?.[inputs[slot]?.name ?? ''];
  const sourceOf = (link: Link): End | undefined =>
    link.source === INPUTS ? outer(link.sourceSlot) : { source: renamed[link.source] ?? '', sourceSlot: link.sourceSlot };
  const add = (end: End | undefined, target: string | undefined, input: string, type: string): void => {
    if (!end || target === undefined) return;
    const fresh = linkId();
    links[fresh] = { id: fresh, source: end.source, sourceSlot: end.sourceSlot, target, input, type };
  };
  for (const link of Object.values(held.links)) if (link.target !== OUTPUTS) add(sourceOf(link), renamed[link.target], link.input, link.type);
  for (const link of outOf[id] ?? []) {
    const within = linkIndex(held).into[OUTPUTS]?.[outputs[link.sourceSlot]?.name ?? ''];
    if (within) add(sourceOf(within), link.target, link.input, link.type);
  }
  const groups = held.groups.map((group) => ({ ...group, position: moved(group.position) }));
  return { graph: { ...withAdded(rest, nodes, links), groups: [...rest.groups, ...groups] }, ids: new Set(Object.values(renamed)) };
}

/** Values that a subgraph's node gave to widgets of a node inside. */
function given(node: GraphNode, held: Graph, into: Readonly<Record<string, Link>>, inside: string): GraphNode['values'] {
  const entries = (linkIndex(held).outOf[INPUTS] ?? []).filter((link) => link.target === inside).flatMap((link) => {
    const name = inputSlots(held)[link.sourceSlot]?.name ?? '';
    const value = node.values[name];
    return value === undefined || name in into ? [] : [[link.input, value] as const];
  });
  return Object.fromEntries(entries);
}

/** Whether nodes of these types would put a subgraph that is open into itself. */
export function isRecursive(graph: Graph, types: readonly string[], all: Graph['subgraphs'] = graph.subgraphs): boolean {
  const open = new Set<string>();
  for (let at = graph.outer; at; at = at.graph.outer) open.add(at.subgraph);
  if (open.size === 0) return false;
  const nodes = Object.fromEntries(types.map((type) => [type, { type }])) as unknown as Graph['nodes'];
  return [...subgraphsUsed(nodes, all)].some((id) => open.has(id));
}
