/** Turns the graph into the API form that the server runs. */
import { asObject, type Json, type JsonObject } from './json';
import { flatten, innerOutputs, ownerOf } from './flatten';
import { rootOf } from './levels';
import { INPUTS_TYPE, linkIndex, linkInto, type Graph, type GraphNode, type Link } from './model';
import { API_PARTS } from './parseApi';
import type { NodeSpec, Schema, WidgetValue } from './schema';
import { withSubgraphs } from './subgraphSpec';
import { specOf } from './virtual';

export type ApiValue = WidgetValue | [string, number];

export interface ApiNode {
  class_type: string;
  inputs: Record<string, ApiValue>;
  _meta?: Json;
}

export type ApiPrompt = Record<string, ApiNode>;

/** Where an input's value comes from in the end: an output of a node that runs, or a primitive's value. */
type Origin = { node: string; slot: number } | { value: WidgetValue };

/** The input a bypassed node hands on as `slot`: same place and type, else the first of the same type. */
function passedInput(node: GraphNode, spec: NodeSpec | undefined, slot: number): string | undefined {
  const outputs = spec?.outputs ?? node.outputs;
  const sockets = spec ? spec.inputs.filter((input) => input.widget === null) : node.inputs;
  const type = outputs[slot]?.type;
  const same = sockets[slot];
  if (same && same.type === type) return same.name;
  return sockets.find((input) => input.type === type)?.name;
}

/** Where to look next on the way back from an output: an input, the end of the way, or nothing. */
function stepBack(graph: Graph, schema: Schema, node: GraphNode, slot: number): { node: string; input: string } | Origin | undefined {
  if (node.type === INPUTS_TYPE) {
    const [owner, name] = [ownerOf(node.id), node.outputs[slot]?.name ?? ''];
    const value = linkInto(graph, owner, name) ? undefined : graph.nodes[owner]?.values[name];
    return value === undefined ? { node: owner, input: name } : { value };
  }
  const inside = graph.nodes[innerOutputs(node.id)];
  if (inside) return { node: inside.id, input: inside.inputs[slot]?.name ?? '' };
  if (node.type === 'Reroute') return { node: node.id, input: '' };
  if (node.mode === 'bypassed') {
    const input = passedInput(node, specOf(schema, node), slot);
    return input === undefined ? undefined : { node: node.id, input };
  }
  return node.type === 'PrimitiveNode' ? { value: node.values['value'] ?? null } : { node: node.id, slot };
}

/** Follow a link back through reroutes, bypassed nodes and subgraphs. Undefined where it ends in nothing. */
function originOf(graph: Graph, schema: Schema, start: Link): Origin | undefined {
  const seen = new Set<string>();
  for (let link: Link | undefined = start; link && !seen.has(link.id); ) {
    seen.add(link.id);
    const node: GraphNode | undefined = graph.nodes[link.source];
    if (!node || node.mode === 'muted') return undefined;
    const back = stepBack(graph, schema, node, link.sourceSlot);
    if (!back || !('input' in back)) return back;
    link = linkInto(graph, back.node, back.input);
  }
  return undefined;
}

function inputsOf(graph: Graph, schema: Schema, node: GraphNode): Record<string, ApiValue> {
  const inputs: Record<string, ApiValue> = { ...node.values };
  for (const link of Object.values(linkIndex(graph).into[node.id] ?? {})) {
    const origin = originOf(graph, schema, link);
    if (origin && 'node' in origin) inputs[link.input] = [origin.node, origin.slot];
    else if (origin) inputs[link.input] = origin.value;
  }
  return inputs;
}

/** Whether a node becomes part of the API form. */
export function isRun(node: GraphNode, schema: Schema): boolean {
  const spec = specOf(schema, node);
  return node.mode === 'always' && spec?.isVirtual !== true && spec?.isSubgraph !== true;
}

function apiNode(graph: Graph, schema: Schema, node: GraphNode): ApiNode {
  const inputs = inputsOf(graph, schema, node);
  const read = asObject(node.raw['properties'])[API_PARTS];
  if (read === undefined) return { class_type: node.type, inputs, _meta: { title: node.title || (specOf(schema, node)?.serverTitle ?? node.type) } };
  const { inputs: surplus, ...others } = asObject(read);
  const title: JsonObject = node.title ? { _meta: { ...asObject(others['_meta']), title: node.title } } : {};
  return { ...others, ...title, class_type: node.type, inputs: { ...(asObject(surplus) as ApiNode['inputs']), ...inputs } };
}

/** The API form of a document: subgraphs are expanded, and muted, bypassed and editor-only nodes resolved away. */
export function toApiForm(graph: Graph, schema: Schema): ApiPrompt {
  const root = rootOf(graph);
  const [flat, full] = [flatten(root), withSubgraphs(schema, root.subgraphs)];
  const prompt: ApiPrompt = {};
  for (const node of Object.values(flat.nodes)) {
    if (isRun(node, full)) prompt[node.id] = apiNode(flat, full, node);
  }
  return prompt;
}
