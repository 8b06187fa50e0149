/** Writes the editor form (0.4), keeping whatever the loaded file held that the editor does not know. */
import { asList, asObject, isObject, type Json, type JsonObject } from './json';
import { layoutIn } from './geometry';
import { topologicalOrder } from './layout';
import type { Graph, GraphNode, Link } from './model';
import { linkIndex } from './model';
import { TITLE_BAR } from './parse';
import type { Schema } from './schema';
import { specOf } from './virtual';
import { writeWidgetValues } from './widgetValues';

function idValue(id: string): Json {
  return /^\d{1,15}$/.test(id) ? Number(id) : id;
}

/** Input names of a node in file order: as the file had them, then what the schema or a link adds. */
function inputNames(node: GraphNode, schema: Schema, into: Readonly<Record<string, Link>>): string[] {
  const spec = specOf(schema, node);
  const sockets = (spec?.inputs ?? []).filter((input) => input.widget === null || input.name in into);
  return [...new Set([...node.inputs.map((slot) => slot.name), ...sockets.map((input) => input.name), ...Object.keys(into)])];
}

function inputEntries(node: GraphNode, schema: Schema, into: Readonly<Record<string, Link>>): Json[] {
  const spec = specOf(schema, node);
  const before = asList(node.raw['inputs']).map(asObject);
  return inputNames(node, schema, into).map((name) => {
    const known = before.find((entry) => entry['name'] === name);
    const input = spec?.inputs.find((candidate) => candidate.name === name);
    const link = into[name];
    const entry: JsonObject = { name, type: input?.type ?? '*', ...known, link: link ? idValue(link.id) : null };
    if (input?.widget && !('widget' in entry)) entry['widget'] = { name };
    return entry;
  });
}

function outputEntries(node: GraphNode, schema: Schema, out: readonly Link[]): Json[] {
  const before = asList(node.raw['outputs']).map(asObject);
  const declared = specOf(schema, node)?.outputs ?? [];
  const count = Math.max(before.length, declared.length, node.outputs.length);
  return Array.from({ length: count }, (_, slot) => {
    const links = out.filter((link) => link.sourceSlot === slot).map((link) => idValue(link.id));
    const { name, type } = declared[slot] ?? node.outputs[slot] ?? { name: '', type: '*' };
    return { name, type, ...before[slot], links: links.length > 0 ? links : null };
  });
}

function modeNumber(node: GraphNode): Json {
  if (node.mode === 'muted') return 2;
  if (node.mode === 'bypassed') return 4;
  const before = node.raw['mode'];
  return before === undefined || before === 2 || before === 4 ? 0 : before;
}

function storedValues(node: GraphNode, schema: Schema): Json | undefined {
  const before = node.raw['widgets_values'];
  if (node.type === 'PrimitiveNode') {
    const control = node.controls['value'];
    return [node.values['value'] ?? '', ...(control ? [control] : asList(before).slice(1))];
  }
  const spec = specOf(schema, node);
  if (spec) return writeWidgetValues(spec, node);
  if (before !== undefined && !isObject(before)) return before;
  return Object.keys(node.values).length > 0 ? { ...asObject(before), ...node.values } : before;
}

function nodeEntry(graph: Graph, schema: Schema, node: GraphNode, order: number): JsonObject {
  const { into, outOf } = linkIndex(graph);
  const flat = node.type === 'Reroute';
  const { width, height } = node.collapsed ? node.size : layoutIn(graph, schema, node);
  const { x, y } = node.position;
  const flags = asObject(node.raw['flags']);
  const { collapsed: _collapsed, ...otherFlags } = flags;
  const entry: JsonObject = {
    ...node.raw,
    id: idValue(node.id), type: node.type,
    pos: [x, flat ? y : y + TITLE_BAR],
    size: [width, flat ? height : height - TITLE_BAR],
    flags: node.collapsed ? { ...otherFlags, collapsed: true } : otherFlags,
    order, mode: modeNumber(node),
    inputs: inputEntries(node, schema, into[node.id] ?? {}),
    outputs: outputEntries(node, schema, outOf[node.id] ?? []),
    properties: { 'Node name for S&R': node.type, ...asObject(node.raw['properties']) },
  };
  if (node.title) entry['title'] = node.title;
  else delete entry['title'];
  if (node.open) entry['showAdvanced'] = true;
  else delete entry['showAdvanced'];
  const values = storedValues(node, schema);
  if (values !== undefined) entry['widgets_values'] = values;
  return entry;
}

function linkEntry(graph: Graph, schema: Schema, link: Link): Json[] {
  const target = graph.nodes[link.target];
  const names = target ? inputNames(target, schema, linkIndex(graph).into[link.target] ?? {}) : [];
  const slot = Math.max(names.indexOf(link.input), 0);
  return [idValue(link.id), idValue(link.source), link.sourceSlot, idValue(link.target), slot, link.type];
}

function largest(ids: string[], recorded: Json | undefined): number {
  const numbers = ids.map(Number).filter(Number.isInteger);
  return Math.max(0, typeof recorded === 'number' ? recorded : 0, ...numbers);
}

/** The editor-form document of a graph. */
export function toEditorForm(graph: Graph, schema: Schema): JsonObject {
  const order = Object.fromEntries(topologicalOrder(graph).map((id, at) => [id, at]));
  const nodes = Object.values(graph.nodes).map((node) => nodeEntry(graph, schema, node, order[node.id] ?? 0));
  return {
    config: {}, extra: {}, ...graph.rest,
    last_node_id: largest(Object.keys(graph.nodes), graph.rest['last_node_id']),
    last_link_id: largest(Object.keys(graph.links), graph.rest['last_link_id']),
    nodes,
    links: Object.values(graph.links).map((link) => linkEntry(graph, schema, link)),
    groups: graph.groups.map((group) => ({
      ...group.raw, title: group.title, color: group.color,
      bounding: [group.position.x, group.position.y, group.size.width, group.size.height],
    })),
    version: 0.4,
  };
}
