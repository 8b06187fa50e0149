import { describe, expect, it } from 'vitest';
import { parseWorkflow } from '../src/graph/parseApi';
import type { Json } from '../src/graph/json';
import { TOY } from './material';

function findings(node: Record<string, Json>): string[] {
  return parseWorkflow({ nodes: [{ id: 1, pos: [0, 0], ...node }], links: [] }, TOY).report.map(({ code, subject }) => `${code} ${subject}`);
}

describe('what of a file is reported', () => {
  it('is a value of another kind, by its input', () => {
    expect(findings({ type: 'Sample', widgets_values: ['many', 'fixed', true] })).toEqual(['wrong_value seed', 'wrong_value steps']);
    expect(findings({ type: 'Text', widgets_values: [7] })).toEqual(['wrong_value text']);
  });

  it('is how many values no widget takes', () => {
    expect(findings({ type: 'Text', widgets_values: ['a', 'b', 'c'] })).toEqual(['surplus_values 2']);
  });

  it('is nothing where all fits, and where the type is unknown only that', () => {
    expect(findings({ type: 'Sample', widgets_values: [1, 'fixed', 20] })).toEqual([]);
    expect(findings({ type: 'Nobody', widgets_values: [1, 2] })).toEqual(['unknown_node Nobody']);
  });

  it('names the subgraph that holds the node', () => {
    const subgraph = { id: 's', name: 'Inner', nodes: [{ id: 5, type: 'Nobody' }], links: [] };
    const { report } = parseWorkflow({ nodes: [{ id: 1, type: 's', pos: [0, 0] }], links: [], definitions: { subgraphs: [subgraph] } }, TOY);
    expect(report).toEqual([{ code: 'unknown_node', node: '5', subject: 'Nobody', within: 'Inner' }]);
  });
});
