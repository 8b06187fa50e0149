/** Groups: titled areas that take the cards in them along. A group is named by its place in the list. */
import { around, boxesOf } from './align';
import { moveNodes } from './edit';
import { isPinned } from './look';
import type { Graph, Group, Point } from './model';
import type { Schema } from './schema';

const MARGIN = 20;
/** Room for the title. */
const TITLE = 44;
export const MIN_GROUP = { width: 160, height: 100 };

/** Ids of the cards whose middle lies in a group. */
export function contentsOf(graph: Graph, schema: Schema, at: number): string[] {
  const group = graph.groups[at];
  if (!group) return [];
  const { position, size } = group;
  return boxesOf(graph, schema, Object.keys(graph.nodes)).flatMap(([id, box]) => {
    const [x, y] = [box.x + box.width / 2 - position.x, box.y + box.height / 2 - position.y];
    return x >= 0 && y >= 0 && x < size.width && y < size.height ? [id] : [];
  });
}

/** The graph with a group around cards. */
export function groupAround(graph: Graph, schema: Schema, ids: Iterable<string>, title: string): Graph {
  const bounds = around(boxesOf(graph, schema, ids).map(([, box]) => box));
  if (!bounds) return graph;
  const position = { x: bounds.x - MARGIN, y: bounds.y - TITLE };
  const size = { width: bounds.width + 2 * MARGIN, height: bounds.height + TITLE + MARGIN };
  return { ...graph, groups: [...graph.groups, { title, position, size, color: '', raw: {} }] };
}

/** The graph with something of a group changed. */
export function changeGroup(graph: Graph, at: number, change: Partial<Pick<Group, 'title' | 'color' | 'position' | 'size'>>): Graph {
  return graph.groups[at] ? { ...graph, groups: graph.groups.map((group, i) => (i === at ? { ...group, ...change } : group)) } : graph;
}

/** The graph with a group at another place, and these cards moved with it; pinned ones stay. */
export function moveGroup(graph: Graph, at: number, to: Point, ids: Iterable<string>): Graph {
  const group = graph.groups[at];
  if (!group) return graph;
  const by = { x: to.x - group.position.x, y: to.y - group.position.y };
  const places: Record<string, Point> = {};
  for (const id of ids) {
    const node = graph.nodes[id];
    if (node && !isPinned(node)) places[id] = { x: node.position.x + by.x, y: node.position.y + by.y };
  }
  return changeGroup(moveNodes(graph, places), at, { position: to });
}

/** The graph with a group laid around its cards anew. */
export function fitGroup(graph: Graph, schema: Schema, at: number): Graph {
  const group = graph.groups[at];
  const added = groupAround(graph, schema, contentsOf(graph, schema, at), '').groups.at(-1);
  return !group || added === undefined || added === group ? graph : changeGroup(graph, at, { position: added.position, size: added.size });
}

/** The graph without a group; its cards stay. */
export function removeGroup(graph: Graph, at: number): Graph {
  return { ...graph, groups: graph.groups.filter((_, i) => i !== at) };
}

