/** Going into subgraphs and out of them. The graph shown knows the one around it, so undo spans all levels. */
import type { Graph, Outer, Subgraph } from './model';
import type { Report } from './report';

/** The graph behind a node, opened; undefined where it is an ordinary node. */
export function openSubgraph(graph: Graph, node: string): Graph | undefined {
  const subgraph = graph.subgraphs[graph.nodes[node]?.type ?? ''];
  if (!subgraph) return undefined;
  return { ...subgraph.graph, subgraphs: graph.subgraphs, outer: { graph, node, subgraph: subgraph.id } };
}

const left = new WeakMap<Graph, Graph>();

function isChanged({ nodes, links, groups, rest }: Graph, before: Graph): boolean {
  return nodes !== before.nodes || links !== before.links || groups !== before.groups || rest !== before.rest;
}

/** The subgraph that is open, as it is now. */
export function openedSubgraph(graph: Graph): Subgraph | undefined {
  const { outer, ...inner } = graph;
  const subgraph = outer && graph.subgraphs[outer.subgraph];
  return subgraph && { ...subgraph, graph: { ...inner, subgraphs: {} } };
}

/** The graph around an open subgraph, with what was changed in it; the graph itself where none is open. */
export function leaveSubgraph(graph: Graph): Graph {
  const { outer } = graph;
  const subgraph = openedSubgraph(graph);
  const before = outer && graph.subgraphs[outer.subgraph];
  if (!outer || !subgraph || !before) return outer?.graph ?? graph;
  const known = left.get(graph);
  if (known) return known;
  const hasInner = isChanged(graph, before.graph);
  const isSame = !hasInner && graph.subgraphs === outer.graph.subgraphs;
  const subgraphs = hasInner ? { ...graph.subgraphs, [subgraph.id]: subgraph } : graph.subgraphs;
  const result = isSame ? outer.graph : { ...outer.graph, subgraphs };
  left.set(graph, result);
  return result;
}

/** The whole document's graph, whichever subgraph of it is open. */
export function rootOf(graph: Graph): Graph {
  let root = graph;
  while (root.outer) root = leaveSubgraph(root);
  return root;
}

/** How the document of a graph was read, whichever level of it is open; undefined where it was read from nothing. */
export function reportOf(graph: Graph): Report | undefined {
  return graph.outer ? reportOf(graph.outer.graph) : graph.report;
}

/** The subgraphs that are open, outermost first. */
export function pathOf(graph: Graph): readonly Outer[] {
  const path: Outer[] = [];
  for (let at = graph.outer; at; at = at.graph.outer) path.unshift(at);
  return path;
}

/** What stands before the ids of the graph shown in the ids of a run: `12:5:` in node 5 of node 12. */
export function runPrefix(graph: Graph): string {
  return pathOf(graph).map(({ node }) => `${node}:`).join('');
}

/** The graph `depth` levels inside the document, on the way to the one shown. */
export function leaveTo(graph: Graph, depth: number): Graph {
  let shown = graph;
  while (shown.outer && pathOf(shown).length > depth) shown = leaveSubgraph(shown);
  return shown;
}

/** A root graph with the subgraphs along these nodes opened, as far as they are there. */
export function openPath(root: Graph, nodes: readonly string[]): Graph {
  return nodes.reduce((graph, node) => openSubgraph(graph, node) ?? graph, root);
}

/** The card of the graph shown that stands for a node of a run, or holds it: `5` of `12:5` inside node 12. */
export function shownId(graph: Graph, runId: string): string | undefined {
  const prefix = runPrefix(graph);
  return runId.startsWith(prefix) ? runId.slice(prefix.length).split(':')[0] : undefined;
}

/** The document's graph opened where a node of a run is, and the node's id there. */
export function levelOf(graph: Graph, runId: string): { graph: Graph; id: string } {
  const way = runId.split(':');
  const id = way.pop() ?? '';
  return { graph: runPrefix(graph) === `${way.join(':')}:` ? graph : openPath(rootOf(graph), way), id };
}
