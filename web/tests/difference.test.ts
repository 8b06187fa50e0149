import { describe, expect, it } from 'vitest';
import { differences } from '../src/graph/difference';
import { rootOf } from '../src/graph/levels';
import type { Graph, GraphNode } from '../src/graph/model';
import { EMPTY_GRAPH } from '../src/graph/model';
import { updateNode } from '../src/graph/edit';
import { parseWorkflow } from '../src/graph/parseApi';
import { opened, packed } from './subgraphMaterial';

function graphOf(steps: number, others: Record<string, unknown> = {}): Graph {
  return parseWorkflow({ 1: { class_type: 'A', inputs: { steps } }, ...others }, {}).graph;
}

const kinds = (before: Graph, after: Graph): string[] => differences(before, after).nodes.map(({ kind, node }) => `${kind} ${node.id}`);
const changes = (before: Graph, after: Graph): unknown[] => differences(before, after).nodes.map((each) => each.changes);

function changed(graph: Graph, change: Partial<GraphNode>): Graph {
  return updateNode(graph, '1', change);
}

describe('differences', () => {
  it('are none where both say the same', () => {
    expect(differences(graphOf(1), graphOf(1))).toEqual({ nodes: [], moved: 0 });
  });

  it('name values with what they were and are', () => {
    expect(changes(graphOf(1), graphOf(2))).toEqual([[{ kind: 'value', input: 'steps', before: 1, after: 2 }]]);
  });

  it('name nodes that are new, gone or of another type', () => {
    const one = graphOf(1);
    expect(kinds(EMPTY_GRAPH, one)).toEqual(['added 1']);
    expect(kinds(one, EMPTY_GRAPH)).toEqual(['removed 1']);
    expect(kinds(one, changed(one, { type: 'B' }))).toEqual(['added 1', 'removed 1']);
  });

  it('hold all that is different in one node together', () => {
    const one = graphOf(1);
    const [difference, ...others] = differences(one, changed(one, { title: 'x', mode: 'muted', values: { steps: 3 } })).nodes;
    expect(others).toEqual([]);
    expect(difference).toMatchObject({ kind: 'changed', within: '', changes: [{ kind: 'value' }, { kind: 'title', after: 'x' }, { kind: 'mode', before: 'always', after: 'muted' }] });
  });

  it('count nodes that only stand elsewhere', () => {
    const one = graphOf(1);
    expect(differences(one, changed(one, { position: { x: 5000, y: 0 } }))).toEqual({ nodes: [], moved: 1 });
  });

  it('name nodes that other nodes feed', () => {
    const source = { 2: { class_type: 'S', inputs: {} }, 3: { class_type: 'S', inputs: {} } };
    const fed = (by: string) => graphOf(1, { ...source, 4: { class_type: 'T', inputs: { in: [by, 0] } } });
    expect(differences(fed('2'), fed('3')).nodes).toMatchObject([{ kind: 'changed', node: { id: '4' }, changes: [{ kind: 'links' }] }]);
  });

  it('are found in subgraphs, and name them', () => {
    const { graph, id } = packed();
    const inside = opened(graph, id);
    const [inner = ''] = Object.keys(inside.nodes).filter((node) => !node.startsWith('-'));
    const after = rootOf(updateNode(inside, inner, { title: 'renamed' }));
    const name = Object.values(graph.subgraphs)[0]?.name;
    expect(differences(graph, after).nodes).toMatchObject([{ kind: 'changed', within: name, node: { id: inner } }]);
  });
});
