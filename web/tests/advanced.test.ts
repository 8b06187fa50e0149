import { describe, expect, it } from 'vitest';
import { foldedInputs, wiredAdvanced } from '../src/graph/advanced';
import { addNode, setValue, updateNode } from '../src/graph/edit';
import { HEADER, layoutIn } from '../src/graph/geometry';
import { makeRoom } from '../src/graph/layout';
import { EMPTY_GRAPH, type Graph, type GraphNode } from '../src/graph/model';
import { parseWorkflow } from '../src/graph/parseApi';
import { toEditorForm } from '../src/graph/document';
import { toApiForm } from '../src/graph/serialize';
import { readSchema } from '../src/graph/schema';

const SCHEMA = readSchema({
  Number: { input: { required: {} }, output: ['INT'], output_name: ['INT'], category: 'x' },
  Patch: {
    input: {
      required: { model: ['MODEL'], strict: ['INT', { default: 1, advanced: true }] },
      optional: { steps: ['INT', { default: 1000, advanced: true }], mode: [['a', 'b'], { default: 'a', advanced: true }], plain: ['INT', { default: 2 }] },
    },
    output: ['MODEL'], output_name: ['MODEL'], category: 'x',
  },
});
const { graph: ONE, id } = addNode(EMPTY_GRAPH, SCHEMA['Patch'] ?? expect.fail(), { x: 0, y: 0 });
const nodeOf = (graph: Graph): GraphNode => graph.nodes[id] ?? expect.fail();
const folded = (graph: Graph): string[] => [...foldedInputs(nodeOf(graph), SCHEMA['Patch'], wiredAdvanced(graph, nodeOf(graph), SCHEMA['Patch']))];

describe('rarely needed inputs', () => {
  it('are folded away where they are optional and at their default', () => {
    expect(folded(ONE)).toEqual(['steps', 'mode']);
    expect(folded(setValue(ONE, id, 'steps', 1000))).toEqual(['steps', 'mode']);
  });

  it('show once they are changed, linked or asked for', () => {
    expect(folded(setValue(ONE, id, 'steps', 5))).toEqual(['mode']);
    const link = { id: '1', source: '9', sourceSlot: 0, target: id, input: 'mode', type: 'INT' };
    expect(folded({ ...ONE, links: { '1': link } })).toEqual(['steps']);
    expect(folded(updateNode(ONE, id, { open: true }))).toEqual([]);
  });

  it('give the card its height, and the line that unfolds them', () => {
    const small = layoutIn(ONE, SCHEMA, nodeOf(ONE));
    const open = updateNode(ONE, id, { open: true });
    const large = layoutIn(open, SCHEMA, nodeOf(open));
    expect(small.more).toBe(2);
    expect(large.more).toBe(0);
    expect(large.height - small.height).toBe(2 * 32);
    expect(small.widgets.map((row) => row.input.name)).toEqual(['strict', 'plain']);
    expect(small.height).toBeGreaterThan(HEADER);
  });

  it('stay unfolded in the saved file and out of the API form', () => {
    const saved = toEditorForm(updateNode(ONE, id, { open: true }), SCHEMA);
    expect(nodeOf(parseWorkflow(saved, SCHEMA).graph).open).toBe(true);
    expect(nodeOf(parseWorkflow(toEditorForm(ONE, SCHEMA), SCHEMA).graph).open).toBe(false);
    expect(Object.keys(toApiForm(ONE, SCHEMA)[id]?.inputs ?? {})).toEqual(['strict']);
  });

  it('push down only what they would cover', () => {
    const below = addNode(ONE, SCHEMA['Number'] ?? expect.fail(), { x: 20, y: layoutIn(ONE, SCHEMA, nodeOf(ONE)).height + 10 });
    const beside = addNode(below.graph, SCHEMA['Number'] ?? expect.fail(), { x: 900, y: 0 });
    const after = makeRoom(updateNode(beside.graph, id, { open: true }), beside.graph, SCHEMA, id);
    expect(after.nodes[below.id]?.position.y).toBe(layoutIn(after, SCHEMA, nodeOf(after)).height + 16);
    expect(after.nodes[beside.id]?.position).toEqual({ x: 900, y: 0 });
  });
});

describe('odd files', () => {
  it('are laid out where no node has a place, and far places come near', () => {
    const nodes = [{ id: 1, type: 'Patch' }, { id: 2, type: 'Patch' }];
    const [a, b] = Object.values(parseWorkflow({ nodes, links: [] }, SCHEMA).graph.nodes);
    expect(a?.position).not.toEqual(b?.position);
    const far = parseWorkflow({ nodes: [{ id: 1, type: 'Patch', pos: [1e300, -1e300] }] }, SCHEMA).graph;
    expect(Math.abs(far.nodes['1']?.position.x ?? 0)).toBeLessThanOrEqual(1e6);
  });

  it('report a dangling link even with numbers beyond 2^53, and a node id used twice', () => {
    const links = parseWorkflow({ nodes: [], links: [[1, 99999999999999999999n, 0, 2, 0, 'X']] }, SCHEMA);
    expect(links.report).toEqual([{ code: 'loose_link', node: null, subject: '1' }]);
    expect(parseWorkflow({ nodes: [{ id: 1, type: 'Patch' }, { id: 1, type: 'Patch' }] }, SCHEMA).report).toEqual([{ code: 'same_id', node: '1', subject: 'Patch' }]);
  });
});
