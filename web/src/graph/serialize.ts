/** Turns the graph into the API form that the server runs. */
import { asObject, type Json, type JsonObject } from './json';
import type { Graph, GraphNode, Link } from './model';
import { linkIndex } from './model';
import { API_PARTS } from './parseApi';
import type { NodeSpec, Schema, WidgetValue } from './schema';
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

/** Follow a link back through reroutes and bypassed nodes. Undefined where it ends in nothing. */
function originOf(graph: Graph, schema: Schema, start: Link): Origin | undefined {
  const { into } = linkIndex(graph);
  const seen = new Set<string>();
  for (let link: Link | undefined = start; link && !seen.has(link.id); ) {
    seen.add(link.id);
    const node: GraphNode | undefined = graph.nodes[link.source];
    if (!node || node.mode === 'muted') return undefined;
    let through: string | undefined;
    if (node.type === 'Reroute') through = '';
    else if (node.mode === 'bypassed') through = passedInput(node, specOf(schema, node), link.sourceSlot);
    else if (node.type === 'PrimitiveNode') return { value: node.values['value'] ?? null };
    else return { node: node.id, slot: link.sourceSlot };
    link = through === undefined ? undefined : into[node.id]?.[through];
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
  return node.mode === 'always' && specOf(schema, node)?.isVirtual !== true;
}

function apiNode(graph: Graph, schema: Schema, node: GraphNode): ApiNode {
  const inputs = inputsOf(graph, schema, node);
  const read = asObject(node.raw['properties'])[API_PARTS];
  if (read === undefined) return { class_type: node.type, inputs, _meta: { title: node.title || (specOf(schema, node)?.title ?? node.type) } };
  const { inputs: surplus, ...others } = asObject(read);
  const title: JsonObject = node.title ? { _meta: { ...asObject(others['_meta']), title: node.title } } : {};
  return { ...others, ...title, class_type: node.type, inputs: { ...(asObject(surplus) as ApiNode['inputs']), ...inputs } };
}

/** The API form of a graph: muted, bypassed and editor-only nodes are resolved away. */
export function toApiForm(graph: Graph, schema: Schema): ApiPrompt {
  const prompt: ApiPrompt = {};
  for (const node of Object.values(graph.nodes)) {
    if (isRun(node, schema)) prompt[node.id] = apiNode(graph, schema, node);
  }
  return prompt;
}
