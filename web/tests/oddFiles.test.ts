/** Documents as nobody would make them: each opens, says what is wrong, and is saved as it was. */
import { describe, expect, it } from 'vitest';
import { pasteNodes } from '../src/graph/clipboard';
import { toEditorForm } from '../src/graph/document';
import { addNode } from '../src/graph/edit';
import { layoutIn } from '../src/graph/geometry';
import { groupAround } from '../src/graph/groups';
import { stringifyJson, parseJson, type Json } from '../src/graph/json';
import { linkIndex, nextLinkId, type Graph } from '../src/graph/model';
import { parseWorkflow } from '../src/graph/parseApi';
import { restack } from '../src/graph/look';
import { toApiForm } from '../src/graph/serialize';
import { makeSubgraph, unpackSubgraph } from '../src/graph/subgraphMake';
import { withSubgraphs } from '../src/graph/subgraphSpec';
import { TOY } from './material';

const LOAD = TOY['Load'] ?? expect.fail();
const OF_ALL_OBJECTS = ['__proto__', 'constructor', 'toString', 'valueOf'];

function read(document: object | string): { graph: Graph; codes: string[]; saved: string; text: string } {
  const text = typeof document === 'string' ? document : stringifyJson(document);
  const { graph, report } = parseWorkflow(parseJson(text), TOY);
  return { graph, codes: report.map(({ code }) => code), saved: stringifyJson(toEditorForm(graph, TOY)), text: stringifyJson(parseJson(text)) };
}

/** A node, and one fed by it. */
function pair(source: Json, type = 'Load', link: Json = 1): string {
  const nodes = [{ id: source, type, pos: [1, 2] }, { id: 2, type: 'Patch', pos: [9, 9], inputs: [{ name: 'model', type: 'MODEL', link }] }];
  return `{"nodes":${stringifyJson(nodes)},"links":[${stringifyJson([link, source, 0, 2, 0, 'MODEL'])}]}`;
}

describe('names that every object has', () => {
  it.each(OF_ALL_OBJECTS)('as ids and types: %s', (name) => {
    for (const text of [pair(name), pair(1, name), pair(1, 'Load', name)]) {
      const { graph, codes, saved, text: before } = read(text);
      expect(codes.filter((code) => code === 'broken_node' || code === 'loose_link')).not.toEqual([]);
      expect(Object.keys(linkIndex(graph).into)).toEqual([]);
      expect(saved).toBe(before);
    }
  });

  it.each(OF_ALL_OBJECTS)('as ends of links, and of subgraphs: %s', (name) => {
    const subgraph = { id: name, name: 'S', nodes: [{ id: 1, type: 'Load', pos: [0, 0] }], links: [], inputs: [], outputs: [] };
    const { codes, saved, text } = read({
      nodes: [{ id: 1, type: 'Load', pos: [1, 2] }], links: [[1, name, 0, 1, 0, '*'], [2, 1, 0, name, 0, '*']], definitions: { subgraphs: [subgraph] },
    });
    expect(codes).toEqual(['broken_subgraph', 'loose_link', 'loose_link']);
    expect(saved).toBe(text);
  });

  it.each(OF_ALL_OBJECTS)('are refused in the API form: %s', (name) => {
    for (const text of [`{"${name}":{"class_type":"Load"}}`, `{"1":{"class_type":"${name}"}}`]) expect(() => read(text)).toThrow('no_workflow');
    const { graph } = read(`{"1":{"class_type":"Patch","inputs":{"model":["${name}",0]}}}`);
    expect(graph.links).toEqual({});
  });
});

describe('numbers beyond reason', () => {
  it.each(['1e300', '9007199254740993', '4503599627370495', '4503599627370496'])('as an id leave new nodes ids of their own: %s', (id) => {
    const { graph } = read(pair(id));
    const first = addNode(graph, LOAD, { x: 0, y: 0 });
    const second = addNode(first.graph, LOAD, { x: 0, y: 0 });
    expect(Object.keys(second.graph.nodes)).toHaveLength(4);
    expect(Object.keys(pasteNodes(graph, graph, { x: 0, y: 0 }).graph.nodes)).toHaveLength(4);
  });

  it.each([1e308, 2 ** 53, -5, 1.5])('as the largest id: %s', (last) => {
    const { graph, saved, text } = read({ nodes: [{ id: 1, type: 'Load', pos: [0, 0] }], links: [], last_node_id: last, last_link_id: last });
    expect(saved).toBe(text);
    expect(addNode(addNode(graph, LOAD, { x: 0, y: 0 }).graph, LOAD, { x: 0, y: 0 }).id).not.toBe(addNode(graph, LOAD, { x: 0, y: 0 }).id);
    expect(nextLinkId(graph)).toMatch(/^\d+$/);
  });

  it('as the id of a link, leave its subgraph links of their own', () => {
    const { graph } = read(pair(1, 'Load', 1e300));
    const both = makeSubgraph(graph, TOY, new Set(['1']), 'S', () => 'made');
    expect(Object.keys(both?.graph.subgraphs['made']?.graph.links ?? {})).toEqual(['1']);
  });

  it.each([1e9, -1, 1.5, 1e300])('as an output are none: %s', (slot) => {
    const { graph } = read(`{"1":{"class_type":"Odd","inputs":{}},"2":{"class_type":"Patch","inputs":{"model":["1",${slot}]}}}`);
    expect(graph.nodes['1']?.outputs).toEqual([]);
    expect(toApiForm(graph, TOY)['2']?.inputs['model']).toEqual(['1', slot]);
  });

  it.each([[[1e300, 0, 1e300, 5]], [[0, 0, -50, -50]], [[0]], [['a', null, {}, 5]], [null], [undefined]])('as the place of a group or of the ends of a subgraph: %j', (bounding) => {
    const subgraph = { id: 's', name: 's', nodes: [{ id: 1, type: 'Load', pos: [0, 0] }], links: [], inputs: [], outputs: [], inputNode: { bounding }, outputNode: { bounding } };
    const { graph, saved, text } = read({
      nodes: [{ id: 1, type: 's', pos: [0, 0] }], links: [], groups: [{ title: 'g', bounding }], definitions: { subgraphs: [subgraph] },
    });
    expect(saved).toBe(text);
    const boxes = [...graph.groups, ...Object.values(graph.subgraphs['s']?.graph.nodes ?? {})].map(({ position, size }) => ({ ...position, ...size }));
    expect(boxes.flatMap(({ x, y, width, height }) => [x, y, width, height]).every((value) => Math.abs(value) <= 1e6)).toBe(true);
    expect(graph.groups.every(({ size }) => size.width >= 0 && size.height >= 0)).toBe(true);
  });

  it('as depth, size and place are brought within reach', () => {
    const { graph, saved, text } = read({ nodes: [{ id: 1, type: 'Load', pos: [1e9, -1e9], size: [-5, -1e9], properties: { depth: 1e308 } }], links: [] });
    const node = graph.nodes['1'] ?? expect.fail();
    expect(node.position).toEqual({ x: 1e6, y: -1e6 - 30 });
    expect(layoutIn(graph, TOY, node)).toMatchObject({ width: 180 });
    expect(restack(graph, ['1'], 'front').nodes['1']?.depth).toBe(1e6 + 1);
    expect(saved).toBe(text);
  });
});

const within = (id: string, inner: string): Json => ({ id, name: id, nodes: [{ id: 1, type: inner, pos: [0, 0] }], links: [], inputs: [], outputs: [] });
const nested = (levels: number): object => ({
  nodes: [{ id: 1, type: 's0', pos: [0, 0] }], links: [],
  definitions: { subgraphs: Array.from({ length: levels }, (_, at) => within(`s${at}`, at === levels - 1 ? 'Load' : `s${at + 1}`)) },
});

describe('subgraphs', () => {
  it('open ten deep, and are refused where they are nested without end', () => {
    const { graph, saved, text } = read(nested(10));
    expect(Object.keys(toApiForm(graph, TOY))).toEqual(['1:1:1:1:1:1:1:1:1:1:1']);
    expect(saved).toBe(text);
    expect(() => read(nested(5000))).toThrow('too_deep: 100');
  });

  it('that are empty come apart without their groups being lost', () => {
    const { graph } = read({
      nodes: [{ id: 1, type: 'S', pos: [50, 80] }], links: [],
      definitions: { subgraphs: [{ id: 'S', name: 'S', nodes: [], links: [], groups: [{ title: 'G', bounding: [1, 2, 300, 200] }] }] },
    });
    expect(unpackSubgraph(graph, '1')?.graph.groups[0]?.position).toEqual({ x: 1, y: 2 });
  });
});

describe('large documents', () => {
  it('of more nodes than a call has arguments are read, and their parts pasted and unpacked', () => {
    const many = Array.from({ length: 150_000 }, (_, at) => ({ id: at + 1, type: 'Odd', pos: [at, 0] }));
    const { graph } = parseWorkflow({ nodes: many, links: [] }, TOY);
    expect(addNode(graph, LOAD, { x: 0, y: 0 }).id).toBe('150001');
    const part = { ...graph, nodes: Object.fromEntries(Object.entries(graph.nodes).slice(0, 3000)), links: {} };
    const pasted = pasteNodes(part, part, { x: 0, y: 0 });
    expect(Object.keys(pasted.graph.nodes)).toHaveLength(6000);
    const packed = makeSubgraph(pasted.graph, TOY, pasted.ids, 'S', () => 'made') ?? expect.fail();
    expect(unpackSubgraph(packed.graph, packed.id)?.ids.size).toBe(3000);
  });

  it('with three hundred links into one node have a place for each', () => {
    const inputs = Array.from({ length: 300 }, (_, at) => ({ name: `in${at}`, type: 'MODEL', link: at + 1 }));
    const sources = inputs.map((_, at) => ({ id: at + 1, type: 'Load', pos: [0, 0] }));
    const { graph, saved, text } = read({
      nodes: [{ id: 999, type: 'Odd', pos: [0, 0], inputs }, ...sources], links: sources.map(({ id }) => [id, id, 0, 999, id - 1, 'MODEL']),
    });
    expect(new Set(layoutIn(graph, TOY, graph.nodes['999'] ?? expect.fail()).inputs.map(({ y }) => y)).size).toBe(300);
    expect(saved).toBe(text);
  });
});

describe('groups', () => {
  it('are put around nothing without an error', () => {
    const { graph } = read({ nodes: [], links: [] });
    expect(groupAround(graph, withSubgraphs(TOY, {}), [], 'G')).toBe(graph);
  });
});
