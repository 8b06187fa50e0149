import { describe, expect, it } from 'vitest';
import { differences } from '../src/graph/difference';
import type { Graph, GraphNode } from '../src/graph/model';
import { EMPTY_GRAPH } from '../src/graph/model';
import { parseWorkflow } from '../src/graph/parseApi';

function graphOf(steps: number, others: Record<string, unknown> = {}): Graph {
  return parseWorkflow({ 1: { class_type: 'A', inputs: { steps } }, ...others }, {}).graph;
}

const kinds = (before: Graph, after: Graph): string[] => differences(before, after).map(({ kind }) => kind);

function changed(graph: Graph, change: Partial<GraphNode>): Graph {
  const node = graph.nodes['1'];
  return node ? { ...graph, nodes: { ...graph.nodes, 1: { ...node, ...change } } } : graph;
}

describe('differences', () => {
  it('are none where both say the same', () => {
    expect(differences(graphOf(1), graphOf(1))).toEqual([]);
  });

  it('name values with what they were and are', () => {
    expect(differences(graphOf(1), graphOf(2))).toMatchObject([{ kind: 'value', input: 'steps', before: 1, after: 2 }]);
  });

  it('name nodes that are new, gone, renamed, muted or moved', () => {
    const one = graphOf(1);
    expect(kinds(EMPTY_GRAPH, one)).toEqual(['added']);
    expect(kinds(one, EMPTY_GRAPH)).toEqual(['removed']);
    expect(kinds(one, changed(one, { title: 'x' }))).toEqual(['title']);
    expect(kinds(one, changed(one, { mode: 'muted' }))).toEqual(['mode']);
    expect(differences(one, changed(one, { position: { x: 5000, y: 0 } }))).toEqual([{ kind: 'moved', count: 1 }]);
    expect(kinds(one, changed(one, { type: 'B' }))).toEqual(['added', 'removed']);
  });

  it('name nodes that other nodes feed', () => {
    const source = { 2: { class_type: 'S', inputs: {} }, 3: { class_type: 'S', inputs: {} } };
    const fed = (by: string) => graphOf(1, { ...source, 4: { class_type: 'T', inputs: { in: [by, 0] } } });
    expect(differences(fed('2'), fed('3')).filter(({ kind }) => kind !== 'moved')).toMatchObject([{ kind: 'links', node: { id: '4' } }]);
  });
});
