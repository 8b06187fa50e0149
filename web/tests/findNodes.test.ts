import { describe, expect, it } from 'vitest';
import { setValue, updateNode } from '../src/graph/edit';
import { findNodes } from '../src/graph/findNodes';
import { opened, chain, packed } from './subgraphMaterial';
import { withSubgraphs } from '../src/graph/subgraphSpec';
import { rootOf } from '../src/graph/levels';
import { TOY } from './material';

const long = `${'some words before '.repeat(5)}a Heron at dawn${' and some after'.repeat(5)}`;
const graph = setValue(updateNode(chain(), '2', { title: 'My model' }), '5', 'text', long);
const paths = (query: string): string[] => findNodes(graph, TOY, query).map(({ path }) => path);

describe('finding cards', () => {
  it('gives all without words', () => expect(paths('')).toEqual(['1', '2', '3', '4', '5']));

  it('looks at titles, types and numbers, the best first', () => {
    expect(paths('my MODEL')).toEqual(['2']);
    expect(paths('patch')).toEqual(['2']);
    expect(paths('4')[0]).toBe('4');
    expect(paths('sampl show')).toEqual([]);
  });

  it('looks at texts and shows where', () => {
    const [found, ...others] = findNodes(graph, TOY, 'heron');
    expect(others).toEqual([]);
    expect(found?.path).toBe('5');
    expect(found?.excerpt).toMatch(/^….*Heron at dawn/);
    expect(found?.excerpt.length).toBeLessThan(70);
  });

  it('looks into subgraphs, from whichever level', () => {
    const { graph: root, id } = packed();
    const found = findNodes(rootOf(opened(root, id)), withSubgraphs(TOY, root.subgraphs), 'patch');
    expect(found.map(({ path, within }) => [path, within])).toEqual([[`${id}:2`, ['Sampling']]]);
    expect(findNodes(root, TOY, '').map(({ node }) => node.type)).not.toContain('SubgraphInputs');
  });

  it('ends where a subgraph holds itself', () => {
    const { graph: root, id } = packed();
    const [subgraph] = Object.values(root.subgraphs);
    const inner = subgraph && { ...subgraph, graph: { ...subgraph.graph, nodes: { [id]: root.nodes[id] ?? expect.fail('gone') } } };
    const circle = { ...root, subgraphs: inner ? { [inner.id]: inner } : {} };
    expect(findNodes(circle, TOY, '').length).toBeLessThan(30);
  });
});
