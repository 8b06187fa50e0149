import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connect, disconnect } from '../src/graph/connect';
import { addNode, moveNodes, removeNodes, setValue, updateNode } from '../src/graph/edit';
import { asList, asObject, isObject, parseJson, respell, stringifyJson, type Json } from '../src/graph/json';
import { parseEditorForm } from '../src/graph/document';
import { isApiForm, parseWorkflow } from '../src/graph/parseApi';
import { toEditorForm } from '../src/graph/document';
import { toApiForm } from '../src/graph/serialize';
import { readSchema, type Schema } from '../src/graph/schema';
import { hasMaterial, materialText, recordedApiForms, recordedPairs, recordedSchema, TOY } from './material';

/**
 * The normalisation under which files are compared: the order of keys, and nothing else. Numbers keep their spelling,
 * lists their order, pairs and links their form.
 */
function normalised(text: string): string {
  const sorted = (value: Json): Json => {
    if (Array.isArray(value)) return respell(value, value.map(sorted));
    if (!isObject(value)) return value;
    return Object.fromEntries(Object.keys(value).sort().map((key) => [key, sorted(value[key] ?? null)]));
  };
  return stringifyJson(sorted(parseJson(text)));
}

function saved(text: string, schema: Schema): string {
  return stringifyJson(toEditorForm(parseEditorForm(parseJson(text), schema).graph, schema));
}

const own = resolve(import.meta.dirname, '../../workflows');
const ownFiles = readdirSync(own).filter((file) => file.endsWith('.json'));

describe.skipIf(!hasMaterial)('recorded workflows', () => {
  const schema = hasMaterial ? recordedSchema() : {};
  const recorded = recordedPairs().map((name): [string, string] => [name, materialText('workflows', `${name}.editor.json`)]);
  const examples = ownFiles.map((file): [string, string] => [file, readFileSync(join(own, file), 'utf8')]);

  it.each([...recorded, ...examples])('%s: saved at once it is the same file, also without knowing any node', (_name, text) => {
    for (const known of [schema, {}]) {
      expect(normalised(saved(text, known))).toBe(normalised(text));
      expect(saved(saved(text, known), known)).toBe(saved(text, known));
    }
  });

  it.each(recordedApiForms())('%s: the API form is written again as it was, also by way of the editor form', (file) => {
    const text = materialText('workflows', file);
    const { graph } = parseWorkflow(parseJson(text), schema);
    const again = parseEditorForm(toEditorForm(graph, schema), schema).graph;
    expect(isApiForm(parseJson(text))).toBe(true);
    expect(normalised(stringifyJson(toApiForm(graph, schema)))).toBe(normalised(text));
    expect(normalised(stringifyJson(toApiForm(again, schema)))).toBe(normalised(text));
  });
});

/** Everything odd that a file may hold. */
const ODD = `{
 "last_node_id": 9, "last_link_id": 12.0, "version": 0.4, "config": {"links_ontop": false}, "future": {"a": [1.0, 1e3, -0]},
 "nodes": [
  {"id": 7, "type": "Sample", "pos": {"0": 10.0, "1": 20}, "size": [300.50, 100], "flags": {"pinned": true, "odd": 1}, "order": 3, "mode": 0, "shape": 4,
   "inputs": [{"name": "model", "type": "MODEL", "link": 5, "custom": [1.0]}, {"name": "positive", "type": "CONDITIONING", "link": 77},
    {"name": "steps", "type": "INT", "link": null, "widget": {"name": "steps", "more": true}}],
   "outputs": [{"name": "IMAGE", "type": "IMAGE", "links": [], "slot_index": 0}], "properties": {"cnr_id": "x", "ver": 2.10},
   "widgets_values": [18446744073709551615, "fixed", 20.0, "surplus", {"deep": 1.0}], "color": "#223", "bgcolor": "#335"},
  {"id": 3, "type": "Stranger", "pos": [1e300, -5], "mode": 3, "widgets_values": {"a": 1.0, "b": [2.50]}, "outputs": [{"name": "M", "type": "MODEL", "links": [5, 99]}]},
  {"id": 3, "type": "Load", "pos": [0, 0]}, {"type": "NoId"}, null,
  {"id": "text-id", "type": "Note", "pos": [0, 0], "widgets_values": ["\\u0001num:5 and \\"\\\\u0001"]}
 ],
 "links": [[9, 3, 0, 7, 1, "MODEL"], null, [5, 3, 0, 7, 0, "MODEL", {"bent": 1.0}], [6, 3, 0, 7, 0, "MODEL"], [12, 1, 0, 99, 0, "X"], "junk"],
 "groups": [{"id": 1, "title": "G", "bounding": [0.0, 0, 10, 10], "color": "#fff", "font_size": 24, "locked": true}, {"bounding": [1, 2, 3, 4]}],
 "extra": {"ds": {"scale": 1.0, "offset": [0, 0]}, "reroutes": [{"id": 1}]}, "definitions": {"unknown": 1.0}
}`;

const open = (): ReturnType<typeof parseEditorForm> => parseEditorForm(parseJson(ODD), TOY);
const nodesOf = (document: Json): Map<Json, Json> => new Map(asList(asObject(document)['nodes']).toReversed().map((node) => [asObject(node)['id'] ?? null, node]));

describe('a file full of oddities', () => {
  it('is saved as it was', () => {
    expect(normalised(saved(ODD, TOY))).toBe(normalised(ODD));
    expect(normalised(saved(ODD, {}))).toBe(normalised(ODD));
  });

  it('is reported on', () => {
    expect(open().report.map(({ code, node, subject }) => `${code} ${node ?? '-'} ${subject}`)).toEqual([
      'surplus_values 7 2', 'unknown_node 3 Stranger', 'same_id 3 Load', 'broken_node - {"type":"NoId"}', 'broken_node - null',
      'second_link 7 9', 'second_link 7 6', 'loose_link - 12', 'broken_link - "junk"', 'missing_link 7 77',
    ]);
  });

  it('keeps everything but what an edit changes', () => {
    const { graph } = open();
    const edited = moveNodes(setValue(graph, '7', 'steps', 30), { 7: { x: 1, y: 2 } });
    const [before, after] = [nodesOf(parseJson(ODD)), nodesOf(toEditorForm(edited, TOY))];
    expect(stringifyJson(after.get(3))).toBe(stringifyJson(before.get(3)));
    const { pos, widgets_values: values, ...others } = asObject(after.get(7));
    const { pos: _pos, widgets_values: _values, ...othersBefore } = asObject(before.get(7));
    expect(stringifyJson(others)).toBe(stringifyJson(othersBefore));
    expect(pos).toEqual([1, 32]);
    expect(stringifyJson(values)).toBe('[18446744073709551615,"fixed",30,"surplus",{"deep":1.0}]');
  });

  it('changes only the sockets and links that an edit touches', () => {
    const { graph } = open();
    const cut = toEditorForm(disconnect(graph, ['5']), TOY);
    expect(asList(cut['links']).map((link) => asList(link)[0])).toEqual([9, undefined, 6, 12, undefined]);
    expect(asList(asObject(nodesOf(cut).get(3))['outputs'])[0]).toEqual({ name: 'M', type: 'MODEL', links: [99] });
    expect(asList(asObject(nodesOf(cut).get(7))['inputs'])[0]).toEqual({ name: 'model', type: 'MODEL', link: null, custom: [1] });
  });

  it('gives ids to new things that nothing in it names', () => {
    const { graph } = open();
    const { graph: more, id } = addNode(graph, TOY['Load'] ?? expect.fail(), { x: 0, y: 0 });
    expect(id).toBe('100');
    const linked = connect(disconnect(more, ['5']), TOY, { source: id, sourceSlot: 0, target: '7', input: 'model' });
    const document = toEditorForm(linked, TOY);
    expect(document).toMatchObject({ last_node_id: 100, last_link_id: 13 });
    expect(parseEditorForm(document, TOY).graph.links['13']).toMatchObject({ source: '100', target: '7' });
  });

  it('can be cleared of colours, titles and marks', () => {
    const { graph } = open();
    const plain = updateNode(graph, '7', { color: '', background: '', pinned: false, title: 'T', open: true, collapsed: true });
    const node = asObject(nodesOf(toEditorForm(plain, TOY)).get(7));
    expect(node).toMatchObject({ title: 'T', showAdvanced: true, flags: { collapsed: true, odd: 1 } });
    expect(node).not.toHaveProperty('color');
    expect(Object.keys(removeNodes(graph, new Set(['7'])).nodes)).not.toContain('7');
  });
});

describe('version 1', () => {
  const text = `{"version":1,"state":{"lastNodeId":2,"lastLinkId":4,"lastGroupId":0},"nodes":[{"id":1,"type":"Load","pos":[0,0]},
   {"id":2,"type":"Patch","pos":[0,0],"inputs":[{"name":"model","type":"MODEL","link":4}]}],
   "links":[{"id":4,"origin_id":1,"origin_slot":0,"target_id":2,"target_slot":0,"type":"MODEL","parentId":3}]}`;

  it('is saved as it was, and what is added takes its form', () => {
    expect(normalised(saved(text, TOY))).toBe(normalised(text));
    const { graph } = parseEditorForm(parseJson(text), TOY);
    const { graph: more } = addNode(graph, TOY['Patch'] ?? expect.fail(), { x: 0, y: 0 });
    const document = toEditorForm(connect(more, TOY, { source: '2', sourceSlot: 0, target: '3', input: 'model' }), TOY);
    expect(document).toMatchObject({ version: 1, state: { lastNodeId: 3, lastLinkId: 5, lastGroupId: 0 } });
    expect(asList(document['links'])[1]).toEqual({ id: 5, origin_id: 2, origin_slot: 0, target_id: 3, target_slot: 0, type: 'MODEL' });
    expect(document).not.toHaveProperty('last_node_id');
    expect(document).not.toHaveProperty('groups');
  });
});

describe('the API form', () => {
  it('keeps inputs and fields that nobody knows, and says which defaults were taken', () => {
    const document = { 1: { class_type: 'Load', inputs: { file: 'a.safetensors', upload: 'image' }, is_changed: ['x'], _meta: { title: 'Load', by: 1 } }, 2: { class_type: 'Patch', inputs: { model: ['1', 0], lost: ['9', 0] } } };
    const { graph, report } = parseWorkflow(document, TOY);
    expect(report).toEqual([{ code: 'default_taken', node: '2', subject: 'amount' }]);
    expect(toApiForm(graph, TOY)).toEqual({ ...document, 2: { class_type: 'Patch', inputs: { amount: 1, ...document[2].inputs } } });
    const renamed = toApiForm(updateNode(graph, '1', { title: 'Mine' }), TOY);
    expect(renamed['1']?._meta).toEqual({ title: 'Mine', by: 1 });
  });
});

describe('JSON', () => {
  it('of any kind is written as it was read', () => {
    fc.assert(fc.property(fc.json({ maxDepth: 4 }), (text) => {
      const compact = stringifyJson(parseJson(text));
      expect(compact).toBe(stringifyJson(parseJson(compact)));
      expect(JSON.parse(compact)).toEqual(JSON.parse(text));
    }));
  });

  it('keeps the spelling of numbers where only others change', () => {
    const before = parseJson('{"b":[1.0,2.0,{"c":3.00}],"a":1e2}');
    const after = respell(before, { a: 100, b: [1, 5, { c: 3, d: 1 }] });
    expect(stringifyJson(after)).toBe('{"b":[1.0,5,{"c":3.00,"d":1}],"a":1e2}');
    expect(stringifyJson(parseJson('["\\u0001num:5", "x\\"\\u0001num:5\\""]'))).toBe('["\\u0001num:5","x\\"\\u0001num:5\\""]');
    expect(readSchema(null)).toEqual({});
  });
});
