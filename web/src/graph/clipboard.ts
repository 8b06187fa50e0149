/** Copy and paste: the chosen part of a graph as an editor-form document. */
import { centreOf } from './align';
import { asObject, parseJson, sameJson, stringifyJson, type Json } from './json';
import { rootOf } from './levels';
import { parseEditorForm, subgraphsUsed, toEditorForm } from './document';
import { randomUuid } from './ids';
import { isEditorForm } from './parse';
import { EMPTY_GRAPH, freshLinkIds, freshNodeIds, isBoundary, withAdded, type Graph, type GraphNode, type Link, type Point, type Subgraph } from './model';
import type { Schema } from './schema';

/** The graph reduced to these nodes and the links between them. */
function part(graph: Graph, ids: ReadonlySet<string>): Graph {
  const nodes = Object.fromEntries(Object.entries(graph.nodes).filter(([id, node]) => ids.has(id) && !isBoundary(node)));
  const links = Object.fromEntries(
    Object.entries(graph.links).filter(([, link]) => link.source in nodes && link.target in nodes),
  );
  return { ...EMPTY_GRAPH, nodes, links, subgraphs: graph.subgraphs };
}

/** Document of the chosen nodes, as text. */
export function copyNodes(graph: Graph, schema: Schema, ids: ReadonlySet<string>): string {
  return stringifyJson(toEditorForm(part(graph, ids), schema));
}

/** Tells nodes copied here from whole workflows that somebody copied as text. */
const COPY_MARK = 'sd35graph.nodes';

/** Text of the chosen nodes that says they are a part to be pasted. */
export function copyText(graph: Graph, schema: Schema, ids: ReadonlySet<string>): string {
  return stringifyJson({ [COPY_MARK]: true, ...toEditorForm(part(graph, ids), schema) });
}

/** Whether a text is what {@link copyText} gave. */
export function isCopy(text: string): boolean {
  return text.startsWith(`{"${COPY_MARK}":`);
}

/** The nodes held by clipboard text, or undefined where it is something else. */
export function readClipboard(text: string, schema: Schema): Graph | undefined {
  if (!text.trimStart().startsWith('{')) return undefined;
  let document: Json;
  try {
    document = parseJson(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  return isEditorForm(document) ? parseEditorForm(document, schema).graph : undefined;
}

/** What a subgraph says, whatever file it came in. */
function content({ name, graph }: Subgraph): Json {
  const nodes = Object.values(graph.nodes).map(({ id, type, title, mode, values, controls, inputs, outputs, position }): Json => {
    const slots = isBoundary(graph.nodes[id]) ? [...inputs, ...outputs].map((slot): Json => [slot.name, slot.type]) : [];
    return [id, type, title, mode, { ...values }, { ...controls }, slots, position.x, position.y];
  });
  const links = Object.values(graph.links).map(({ source, sourceSlot, target, input }): Json => [source, sourceSlot, target, input]);
  const sorted = (list: Json[]): Json[] => list.map((item) => stringifyJson(item)).sort();
  return [name, sorted(nodes), sorted(links)];
}

/** The subgraphs of a copied part under ids that mean the same here, and the new id of each that had to change. */
function broughtAlong(graph: Graph, copied: Graph, newId: () => string): { subgraphs: Graph['subgraphs']; renamed: ReadonlyMap<string, string> } {
  const used = Object.values(copied.subgraphs).filter(({ id }) => subgraphsUsed(copied.nodes, copied.subgraphs).has(id));
  const isSame = (a: Subgraph, b: Subgraph | undefined): boolean => sameJson(content(a), b && content(b));
  const foreign = used.filter((subgraph) => subgraph.id in graph.subgraphs && !isSame(subgraph, graph.subgraphs[subgraph.id]));
  const renamed = new Map(foreign.map(({ id }) => [id, newId()]));
  const added = used.filter(({ id }) => renamed.has(id) || !(id in graph.subgraphs)).map((subgraph): [string, Subgraph] => {
    const id = renamed.get(subgraph.id) ?? subgraph.id;
    return [id, { ...subgraph, id, graph: retyped(subgraph.graph, renamed) }];
  });
  return { subgraphs: added.length > 0 ? { ...graph.subgraphs, ...Object.fromEntries(added) } : graph.subgraphs, renamed };
}

/** The graph with the types of nodes replaced. */
function retyped(graph: Graph, types: ReadonlyMap<string, string>): Graph {
  const nodes = Object.entries(graph.nodes).map(([id, node]) => [id, types.has(node.type) ? { ...node, type: types.get(node.type) ?? node.type } : node]);
  return { ...graph, nodes: Object.fromEntries(nodes) as Graph['nodes'] };
}

/** The graph with a copied part added around a point, under new ids; and those ids. */
export function pasteNodes(graph: Graph, copied: Graph, at: Point, newId: () => string = randomUuid): { graph: Graph; ids: Set<string> } {
  const centre = centreOf(Object.values(copied.nodes).map((node) => node.position));
  const { subgraphs, renamed: types } = broughtAlong(graph, copied, newId);
  const [nodeId, linkId] = [freshNodeIds(graph), freshLinkIds(graph)];
  const renamed: Record<string, string> = {};
  const nodes: Record<string, GraphNode> = {};
  const links: Record<string, Link> = {};
  for (const node of Object.values(retyped(copied, types).nodes)) {
    const id = nodeId();
    renamed[node.id] = id;
    nodes[id] = { ...node, id, position: { x: Math.round(node.position.x - centre.x + at.x), y: Math.round(node.position.y - centre.y + at.y) } };
  }
  for (const link of Object.values(copied.links)) {
    const id = linkId();
    links[id] = { ...link, id, source: renamed[link.source] ?? link.source, target: renamed[link.target] ?? link.target };
  }
  return { graph: withAdded({ ...graph, subgraphs }, nodes, links), ids: new Set(Object.keys(nodes)) };
}

/** Name a workflow file carries, if any. */
export function storedName(graph: Graph): string {
  const name = asObject(asObject(rootOf(graph).rest['extra'])['sd35graph'])['name'];
  return typeof name === 'string' ? name : '';
}

/** The whole document's graph with its name stored in it. */
export function withName(graph: Graph, name: string): Graph {
  const root = rootOf(graph);
  const extra = asObject(root.rest['extra']);
  const ours = asObject(extra['sd35graph']);
  return { ...root, rest: { ...root.rest, extra: { ...extra, sd35graph: { ...ours, name } } } };
}
