/** Taking a graph apart from the document it was read from, and putting them together again: a journal keeps both once. */
import { sameJson, stringifyJson } from './json';
import { rootOf } from './levels';
import type { Graph, GraphNode, Link, Source } from './model';

function mapSubgraphs(subgraphs: Graph['subgraphs'], change: (graph: Graph, id: string) => Graph): Graph['subgraphs'] {
  return Object.fromEntries(Object.entries(subgraphs).map(([id, held]) => [id, { ...held, graph: change(held.graph, id) }]));
}

/** The graph at every level without the document it was read from. */
export function withoutSources({ source: _source, ...graph }: Graph): Graph {
  return {
    ...graph, subgraphs: mapSubgraphs(graph.subgraphs, withoutSources),
    ...(graph.outer ? { outer: { ...graph.outer, graph: withoutSources(graph.outer.graph) } } : {}),
  };
}

/** Text of the document a graph was read from; undefined where it began empty. */
export function sourceText(graph: Graph): string | undefined {
  const { source } = rootOf(graph);
  return source && stringifyJson(source.raw);
}

/** Equal parts become the same ones, so that saving sees what did not change. */
function shared<T extends GraphNode | Link>(items: Readonly<Record<string, T>>, read: Readonly<Record<string, T>>): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(items).map(([id, item]) => {
    const raw = read[id]?.raw;
    return [id, raw !== undefined && sameJson(raw, item.raw) ? { ...item, raw } : item];
  }));
}

function sharing(graph: Graph, source: Source | undefined): Graph {
  if (!source) return graph;
  return { ...graph, source, nodes: shared(graph.nodes, source.graph.nodes), links: shared(graph.links, source.graph.links) };
}

/** The graph at every level with what the document it was read from says; `read` is that document, read again. */
export function withSources(graph: Graph, read: Graph): Graph {
  const subgraphs = mapSubgraphs(graph.subgraphs, (held, id) => sharing(held, read.subgraphs[id]?.graph.source));
  const source = graph.outer ? read.subgraphs[graph.outer.subgraph]?.graph.source : read.source;
  const outer = graph.outer ? { outer: { ...graph.outer, graph: withSources(graph.outer.graph, read) } } : {};
  return { ...sharing(graph, source), subgraphs, ...outer };
}
