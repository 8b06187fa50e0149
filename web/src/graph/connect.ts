/** Which sockets fit together, and links between them. */
import { randomUuid } from './ids';
import { INPUTS_TYPE, linkIndex, nextLinkId, OUTPUTS_TYPE, type Graph, type GraphNode, type Link } from './model';
import type { NodeSpec, Schema } from './schema';
import { isNote, OPEN_SLOT, specOf } from './virtual';

export interface Endpoints {
  source: string;
  sourceSlot: number;
  target: string;
  input: string;
}

export type Refusal = 'same_node' | 'no_such_socket' | 'wrong_type' | 'cycle';

/** Whether a value of one type may enter a socket of another. `*` fits all; `A,B` means either. */
export function typesFit(output: string, input: string): boolean {
  if (output === '*' || input === '*' || output === input) return true;
  if (output === 'INT' && input === 'FLOAT') return true;
  const offered = output.split(',');
  const accepted = input.split(',');
  return offered.some((type) => accepted.includes(type.trim()) || accepted.includes('*'));
}

/** Type of an output, following the schema, else what the file said. */
export function outputType(schema: Schema, node: GraphNode | undefined, slot: number): string | undefined {
  if (!node) return undefined;
  const spec = specOf(schema, node);
  return spec ? spec.outputs[slot]?.type : node.outputs[slot]?.type;
}

/** Type of an input. */
export function inputType(schema: Schema, node: GraphNode | undefined, input: string): string | undefined {
  if (!node || isNote(node.type)) return undefined;
  const spec = specOf(schema, node);
  const slots = spec ? spec.inputs : node.inputs;
  return slots.find((slot) => slot.name === input)?.type;
}

/** What really flows out of an output: reroutes carry the type of their source. */
export function carriedType(schema: Schema, graph: Graph, id: string, slot: number): string {
  const seen = new Set<string>();
  let node = graph.nodes[id];
  let at = slot;
  while (node?.type === 'Reroute' && !seen.has(node.id)) {
    seen.add(node.id);
    const link: Link | undefined = linkIndex(graph).into[node.id]?.[''];
    if (!link) return '*';
    node = graph.nodes[link.source];
    at = link.sourceSlot;
  }
  return outputType(schema, node, at) ?? '*';
}

/** Whether `to` can be reached from `from` along the links. */
export function reaches(graph: Graph, from: string, to: string): boolean {
  const { outOf } = linkIndex(graph);
  const seen = new Set<string>();
  const pending = [from];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    if (id === to) return true;
    if (seen.has(id)) continue;
    seen.add(id);
    for (const link of outOf[id] ?? []) pending.push(link.target);
  }
  return false;
}

/** Why a link is not allowed, or undefined where it is. */
export function refusal(graph: Graph, schema: Schema, ends: Endpoints): Refusal | undefined {
  if (ends.source === ends.target) return 'same_node';
  const from = outputType(schema, graph.nodes[ends.source], ends.sourceSlot);
  const to = inputType(schema, graph.nodes[ends.target], ends.input);
  if (from === undefined || to === undefined) return 'no_such_socket';
  if (!typesFit(carriedType(schema, graph, ends.source, ends.sourceSlot), to)) return 'wrong_type';
  return reaches(graph, ends.target, ends.source) ? 'cycle' : undefined;
}

/** A name no other has: `model`, `model_1` … */
export function freeName(name: string, taken: readonly string[]): string {
  let free = name;
  for (let at = 1; taken.includes(free) || free === OPEN_SLOT; at++) free = `${name}_${at}`;
  return free;
}

/** A link to the open end of a subgraph's inputs or outputs adds one: the graph with it, and where the link then goes. */
function withSlot(graph: Graph, schema: Schema, ends: Endpoints): { graph: Graph; ends: Endpoints } {
  const [source, target] = [graph.nodes[ends.source], graph.nodes[ends.target]];
  if (source?.type === INPUTS_TYPE && ends.sourceSlot === source.outputs.length) {
    const name = freeName(ends.input === OPEN_SLOT ? 'value' : ends.input || 'value', source.outputs.map((slot) => slot.name));
    const slot = { id: randomUuid(), name, type: inputType(schema, target, ends.input) ?? '*' };
    return withSlot({ ...graph, nodes: { ...graph.nodes, [source.id]: { ...source, outputs: [...source.outputs, slot] } } }, schema, ends);
  }
  if (target?.type === OUTPUTS_TYPE && ends.input === OPEN_SLOT) {
    const own = source && (specOf(schema, source)?.outputs ?? source.outputs)[ends.sourceSlot]?.name;
    const slot = { id: randomUuid(), name: freeName(own || 'value', target.inputs.map((one) => one.name)), type: carriedType(schema, graph, ends.source, ends.sourceSlot) };
    const nodes = { ...graph.nodes, [target.id]: { ...target, inputs: [...target.inputs, slot] } };
    return { graph: { ...graph, nodes }, ends: { ...ends, input: slot.name } };
  }
  return { graph, ends };
}

/** The graph with this link; whatever fed the input before is unplugged. The graph itself where it is refused. */
export function connect(before: Graph, schema: Schema, wanted: Endpoints): Graph {
  if (refusal(before, schema, wanted)) return before;
  const { graph, ends } = withSlot(before, schema, wanted);
  const replaced = linkIndex(graph).into[ends.target]?.[ends.input];
  if (replaced?.source === ends.source && replaced.sourceSlot === ends.sourceSlot) return graph;
  const type = carriedType(schema, graph, ends.source, ends.sourceSlot);
  const link: Link = { id: nextLinkId(graph), type, ...ends };
  const links = Object.fromEntries(Object.entries(graph.links).filter(([id]) => id !== replaced?.id));
  return {
    ...graph, links: { ...links, [link.id]: link }, rest: { ...graph.rest, last_link_id: Number(link.id) },
  };
}

/** The graph without these links. */
export function disconnect(graph: Graph, ids: Iterable<string>): Graph {
  const gone = new Set(ids);
  if (gone.size === 0) return graph;
  return { ...graph, links: Object.fromEntries(Object.entries(graph.links).filter(([id]) => !gone.has(id))) };
}

/** First input of a type that accepts `type`, sockets before widgets. */
export function fittingInput(spec: NodeSpec, type: string): string | undefined {
  const fits = isNote(spec.type) ? [] : spec.inputs.filter((input) => typesFit(type, input.type));
  return (fits.find((input) => input.widget === null) ?? fits[0])?.name;
}

/** First output of a type that a socket of `type` accepts. */
export function fittingOutput(spec: NodeSpec, type: string): number | undefined {
  const slot = spec.outputs.findIndex((output) => typesFit(output.type, type));
  return slot < 0 ? undefined : slot;
}
