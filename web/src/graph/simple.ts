/** What the simple view shows of a graph: a few inputs, chosen by the user or else the ones that matter for a picture. */
import { asList, asObject, asText } from './json';
import { linkInto, type Graph, type GraphNode } from './model';
import type { InputSpec, NodeSpec, Schema, Widget } from './schema';
import { specOf } from './virtual';

export interface SimpleField {
  node: GraphNode;
  input: InputSpec & { widget: Widget };
}

/** `node/input`, as the document keeps it. */
type Pin = string;

const pinOf = (node: string, input: string): Pin => `${node}/${input}`;

/** The inputs the user chose; undefined where the user has not chosen. */
function storedPins(graph: Graph): readonly Pin[] | undefined {
  const pins = asObject(asObject(graph.rest['extra'])['sd35graph'])['simple'];
  return Array.isArray(pins) ? asList(pins).map((pin) => asText(pin)) : undefined;
}

function withPins(graph: Graph, pins: readonly Pin[]): Graph {
  const extra = asObject(graph.rest['extra']);
  return { ...graph, rest: { ...graph.rest, extra: { ...extra, sd35graph: { ...asObject(extra['sd35graph']), simple: [...pins] } } } };
}

function fieldOf(graph: Graph, schema: Schema, pin: Pin): SimpleField | undefined {
  const cut = pin.indexOf('/');
  const node = graph.nodes[pin.slice(0, cut)];
  const input = node && specOf(schema, node)?.inputs.find(({ name }) => name === pin.slice(cut + 1));
  if (!node || !input?.widget || linkInto(graph, node.id, input.name)) return undefined;
  return { node, input: { ...input, widget: input.widget } };
}

/** The nearest node upstream of an input that has one of these inputs itself. */
function upstream(graph: Graph, schema: Schema, id: string, input: string, names: readonly string[], seen = new Set<string>()): GraphNode | undefined {
  const link = linkInto(graph, id, input);
  const node = link && graph.nodes[link.source];
  if (!node || seen.has(node.id)) return undefined;
  seen.add(node.id);
  const spec = specOf(schema, node);
  if (spec?.inputs.some((each) => each.widget && names.includes(each.name))) return node;
  for (const each of spec?.inputs ?? []) {
    const found = each.widget ? undefined : upstream(graph, schema, node.id, each.name, names, seen);
    if (found) return found;
  }
  return undefined;
}

const isSampler = (spec: NodeSpec | undefined): boolean => ['positive', 'negative', 'steps'].every((name) => spec?.inputs.some((input) => input.name === name) === true);

function defaultPins(graph: Graph, schema: Schema): readonly Pin[] {
  const sampler = Object.values(graph.nodes).find((node) => node.mode === 'always' && isSampler(specOf(schema, node)));
  const pins: Pin[] = [];
  const add = (node: GraphNode | undefined, names: readonly string[]): void => {
    for (const name of node ? names : []) pins.push(pinOf(node?.id ?? '', name));
  };
  if (!sampler) {
    for (const node of Object.values(graph.nodes)) {
      for (const { name, widget } of specOf(schema, node)?.inputs ?? []) if (widget?.kind === 'text' || widget?.kind === 'seed') add(node, [name]);
    }
    return pins;
  }
  const texts = ['text', 'clip_l', 'clip_g', 't5xxl'];
  add(upstream(graph, schema, sampler.id, 'positive', texts), texts);
  add(upstream(graph, schema, sampler.id, 'negative', texts), texts);
  add(upstream(graph, schema, sampler.id, 'latent_image', ['width']), ['width', 'height']);
  add(sampler, ['seed', 'noise_seed', 'steps']);
  return [...new Set(pins)];
}

/** The inputs to show, in their order; those that are linked or gone are left out. */
export function simpleFields(graph: Graph, schema: Schema): SimpleField[] {
  return (storedPins(graph) ?? defaultPins(graph, schema)).flatMap((pin) => fieldOf(graph, schema, pin) ?? []);
}

/** Whether the simple view shows anything of a node. */
export function isInSimpleView(graph: Graph, schema: Schema, id: string): boolean {
  return simpleFields(graph, schema).some(({ node }) => node.id === id);
}

/** Show a node's inputs in the simple view, or none of them any more. */
export function togglePins(graph: Graph, schema: Schema, id: string): Graph {
  const pins = simpleFields(graph, schema).map(({ node, input }) => pinOf(node.id, input.name));
  const node = graph.nodes[id];
  if (isInSimpleView(graph, schema, id)) return withPins(graph, pins.filter((pin) => !pin.startsWith(`${id}/`)));
  const own = (node && specOf(schema, node)?.inputs.filter(({ widget, advanced }) => widget && !advanced)) ?? [];
  return withPins(graph, [...pins, ...own.map(({ name }) => pinOf(id, name))]);
}

/** Show one input no longer. */
export function unpin(graph: Graph, schema: Schema, field: SimpleField): Graph {
  const gone = pinOf(field.node.id, field.input.name);
  return withPins(graph, simpleFields(graph, schema).map(({ node, input }) => pinOf(node.id, input.name)).filter((pin) => pin !== gone));
}
