/** Nodes that exist only in the editor: notes, reroutes and primitives. */
import { asList, asObject, asText } from './json';
import { INPUTS_TYPE, OUTPUTS_TYPE, type GraphNode } from './model';
import { categoryTitle, type InputSpec, type NodeSpec, type NodeWords, type Schema, type Widget, type WidgetValue } from './schema';

const ANY = '*';

function textInput(): InputSpec {
  const widget: Widget = { kind: 'text', default: '', multiline: true };
  return { name: 'text', label: 'text', type: 'STRING', optional: true, advanced: false, help: '', widget };
}

function virtual(type: string, title: string, inputs: InputSpec[], outputs: NodeSpec['outputs']): NodeSpec {
  return { type, title, serverTitle: title, category: 'utils', categoryTitle: categoryTitle('utils'), help: '', inputs, outputs, isOutput: false, isVirtual: true };
}

/** Editor-only node types, added to every schema. */
export const VIRTUAL_SPECS: Schema = {
  Note: virtual('Note', 'Note', [textInput()], []),
  MarkdownNote: virtual('MarkdownNote', 'Note (Markdown)', [textInput()], []),
  Reroute: virtual(
    'Reroute',
    'Reroute',
    [{ name: '', label: '', type: ANY, optional: true, advanced: false, help: '', widget: null }],
    [{ name: '', type: ANY, help: '' }],
  ),
};

/** The schema with the editor's own types in the user's words. */
export function withVirtual(schema: Schema, words: NodeWords): Schema {
  const { titles, labels } = words;
  const types = [...Object.values(VIRTUAL_SPECS), ...OWN_SOCKETS.map((type) => virtual(type, type, [], []))];
  const own = types.map((spec) => ({
    ...spec, title: titles[spec.type] ?? spec.title, categoryTitle: categoryTitle(spec.category, words), inputs: spec.inputs.map((input) => ({ ...input, label: labels[input.name] ?? input.label })),
  }));
  return { ...schema, ...Object.fromEntries(own.map((spec) => [spec.type, spec])) };
}

/** Whether a type is a note: its text takes no link. */
export function isNote(type: string): boolean {
  return type === 'Note' || type === 'MarkdownNote';
}

/** Types the palette offers although the server does not know them. */
export const PLACEABLE_VIRTUAL: readonly string[] = ['Note', 'MarkdownNote', 'Reroute'];

/** Types whose sockets each of their nodes has for itself; only their titles are the same for all. */
const OWN_SOCKETS = ['PrimitiveNode', INPUTS_TYPE, OUTPUTS_TYPE];

function primitiveWidget(value: WidgetValue | undefined, isSeed: boolean): Widget {
  if (typeof value === 'boolean') return { kind: 'toggle', default: value };
  if (typeof value === 'number' || typeof value === 'bigint') {
    const whole = typeof value === 'bigint' || Number.isInteger(value);
    const min = isSeed ? 0 : -Number.MAX_SAFE_INTEGER;
    return {
      kind: isSeed ? 'seed' : whole ? 'int' : 'float',
      default: 0,
      min,
      max: isSeed ? 18446744073709551615n : Number.MAX_SAFE_INTEGER,
      step: whole ? 1 : 0.01,
    };
  }
  return { kind: 'text', default: asText(value), multiline: false };
}

/** A primitive holds one value, of the kind of the widget it feeds. */
function primitiveSpec(node: GraphNode, title = 'Primitive'): NodeSpec {
  const output = node.outputs[0];
  const isSeed = 'value' in node.controls;
  const widget = primitiveWidget(node.values['value'], isSeed);
  const fed = asObject(asObject(asList(node.raw['outputs'])[0])['widget'])['name'];
  const label = asText(fed, output?.name ?? 'value');
  const input: InputSpec = { name: 'value', label, type: output?.type ?? ANY, optional: true, advanced: false, help: '', widget };
  return virtual('PrimitiveNode', title, [input], [{ name: label, type: output?.type ?? ANY, help: '' }]);
}

/** Socket at the end of a subgraph's inputs and outputs: a link to it adds one. */
export const OPEN_SLOT = '+';

function boundarySpec(node: GraphNode, title: string | undefined): NodeSpec {
  const open = { name: OPEN_SLOT, type: ANY, help: '' };
  const inputs = [...node.inputs, open].map(({ name, type }): InputSpec => ({
    name, label: name, type, optional: true, advanced: false, help: '', widget: null,
  }));
  const outputs = [...node.outputs, open].map(({ name, type }) => ({ name, type, help: '' }));
  return node.type === INPUTS_TYPE ? virtual(node.type, title ?? 'Inputs', [], outputs) : virtual(node.type, title ?? 'Outputs', inputs, []);
}

const ownSpecs = new WeakMap<GraphNode, NodeSpec>();

/** What a node's card shows: from the schema, from the virtual types, or undefined where the type is unknown. */
export function specOf(schema: Schema, node: GraphNode): NodeSpec | undefined {
  const isBoundary = node.type === INPUTS_TYPE || node.type === OUTPUTS_TYPE;
  if (node.type !== 'PrimitiveNode' && !isBoundary) return schema[node.type] ?? VIRTUAL_SPECS[node.type];
  const title = schema[node.type]?.title;
  const known = ownSpecs.get(node);
  if (known && (title === undefined || known.title === title)) return known;
  const spec = isBoundary ? boundarySpec(node, title) : primitiveSpec(node, title);
  ownSpecs.set(node, spec);
  return spec;
}
