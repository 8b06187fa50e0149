/** Copies that stand beside what they were copied from. */
import { centreOf } from './align';
import { pasteNodes } from './clipboard';
import { connect } from './connect';
import { EMPTY_GRAPH, isBoundary, linkIndex, type Graph } from './model';
import type { Schema } from './schema';

const OFFSET = 40;

/** The graph with copies of nodes, linked among each other as those are; and their ids. With `feeds` what comes from outside feeds the copies too. */
export function duplicate(graph: Graph, schema: Schema, chosen: ReadonlySet<string>, feeds: boolean): { graph: Graph; ids: Set<string> } {
  const nodes = Object.fromEntries(Object.entries(graph.nodes).filter(([id, node]) => chosen.has(id) && !isBoundary(node)));
  const links = Object.fromEntries(Object.entries(graph.links).filter(([, link]) => link.source in nodes && link.target in nodes));
  const middle = centreOf(Object.values(nodes).map(({ position }) => position));
  const pasted = pasteNodes(graph, { ...EMPTY_GRAPH, nodes, links, subgraphs: graph.subgraphs }, { x: middle.x + OFFSET, y: middle.y + OFFSET });
  if (!feeds) return pasted;
  const copies = [...pasted.ids];
  const { into } = linkIndex(graph);
  const fed = Object.keys(nodes).reduce((next, id, at) => {
    const target = copies[at];
    if (target === undefined) return next;
    return Object.values(into[id] ?? {}).reduce((now, link) => (
      chosen.has(link.source) ? now : connect(now, schema, { source: link.source, sourceSlot: link.sourceSlot, target, input: link.input })
    ), next);
  }, pasted.graph);
  return { graph: fed, ids: pasted.ids };
}
