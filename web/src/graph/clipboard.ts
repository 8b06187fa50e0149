/** Copy and paste: the chosen part of a graph as an editor-form document. */
import { asObject, parseJson, stringifyJson, type Json } from './json';
import { isEditorForm, parseEditorForm, centreOf } from './parse';
import type { Graph, GraphNode, Link, Point } from './model';
import { nextLinkId, nextNodeId } from './model';
import { toEditorForm } from './save';
import type { Schema } from './schema';

/** The graph reduced to these nodes and the links between them. */
function part(graph: Graph, ids: ReadonlySet<string>): Graph {
  const nodes = Object.fromEntries(Object.entries(graph.nodes).filter(([id]) => ids.has(id)));
  const links = Object.fromEntries(
    Object.entries(graph.links).filter(([, link]) => ids.has(link.source) && ids.has(link.target)),
  );
  return { nodes, links, groups: [], rest: {} };
}

/** Text of the chosen nodes for the clipboard. */
export function copyNodes(graph: Graph, schema: Schema, ids: ReadonlySet<string>): string {
  return stringifyJson(toEditorForm(part(graph, ids), schema));
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

/** The graph with a copied part added around a point, under new ids; and those ids. */
export function pasteNodes(graph: Graph, copied: Graph, at: Point): { graph: Graph; ids: Set<string> } {
  const centre = centreOf(Object.values(copied.nodes).map((node) => node.position));
  const renamed: Record<string, string> = {};
  let result = graph;
  for (const node of Object.values(copied.nodes)) {
    const id = nextNodeId(result);
    renamed[node.id] = id;
    const position = {
      x: Math.round(node.position.x - centre.x + at.x), y: Math.round(node.position.y - centre.y + at.y),
    };
    const pasted: GraphNode = { ...node, id, position };
    result = { ...result, nodes: { ...result.nodes, [id]: pasted }, rest: { ...result.rest, last_node_id: Number(id) } };
  }
  for (const link of Object.values(copied.links)) {
    const id = nextLinkId(result);
    const source = renamed[link.source] ?? link.source;
    const target = renamed[link.target] ?? link.target;
    const pasted: Link = { ...link, id, source, target };
    result = { ...result, links: { ...result.links, [id]: pasted }, rest: { ...result.rest, last_link_id: Number(id) } };
  }
  return { graph: result, ids: new Set(Object.values(renamed)) };
}

/** Name a workflow file carries, if any. */
export function storedName(graph: Graph): string {
  const name = asObject(asObject(graph.rest['extra'])['sd35graph'])['name'];
  return typeof name === 'string' ? name : '';
}

/** The graph with its name stored in the document. */
export function withName(graph: Graph, name: string): Graph {
  const extra = asObject(graph.rest['extra']);
  const ours = asObject(extra['sd35graph']);
  return { ...graph, rest: { ...graph.rest, extra: { ...extra, sd35graph: { ...ours, name } } } };
}
