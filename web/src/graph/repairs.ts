/** What would mend a problem, proposed as a button. */
import { asList, asObject, asText, type JsonObject } from './json';
import { holderOf } from './holders';
import { levelOf, runPrefix } from './levels';
import { linkInto, type Graph } from './model';
import { fitNumber } from './numbers';
import type { Schema, Widget, WidgetValue } from './schema';
import { nearest } from './search';
import { specOf } from './virtual';

export interface Repairs {
  /** A value that would do. */
  fix?: { node: string; input: string; value: WidgetValue };
  /** A command line that brings what is missing. */
  command?: string;
  /** Types of nodes that give what the input needs. */
  sources?: readonly string[];
  /** The type of node that could take the place of one that the server does not have. */
  replacement?: string;
}

/** Most proposals of one kind; the search has the others. */
const MOST = 3;

/** Of a list: what the server suggests, else the most similar name. */
function choiceFor(widget: Extract<Widget, { kind: 'select' | 'file' }>, wrong: string, extra: JsonObject): WidgetValue | undefined {
  const options = widget.options.filter((option): option is string => typeof option === 'string');
  const suggested = asList(extra['suggestions']).find((value) => options.includes(asText(value)));
  const value = typeof suggested === 'string' ? suggested : nearest(wrong, options);
  return value === wrong ? undefined : value;
}

/** Of a number that is too large or too small the limit, of anything else the default. */
function valueFor(widget: Widget, held: WidgetValue | undefined, extra: JsonObject): WidgetValue | undefined {
  if (widget.kind === 'select' || widget.kind === 'file') return choiceFor(widget, asText(extra['received_value'], asText(held)), extra);
  const isNumber = widget.kind === 'int' || widget.kind === 'float' || widget.kind === 'seed' || widget.kind === 'color';
  if (isNumber && (typeof held === 'number' || typeof held === 'bigint')) return fitNumber(held, widget);
  return widget.default;
}

const VALUE_PROBLEMS = new Set(['value_not_in_list', 'value_smaller_than_min', 'value_bigger_than_max', 'invalid_input_type']);

/** Where the value of an input is set: in its own field, or in the primitive that feeds it. Undefined where a run gives it. */
function valueAt(graph: Graph, node: string, input: string): { node: string; input: string } | undefined {
  if (!linkInto(graph, node, input)) return { node, input };
  const holder = holderOf(graph, node, input);
  return holder === undefined ? undefined : { node: holder, input: 'value' };
}

/** What would mend an error of an input of a node, which runs name so, as the server reports it. */
export function repairsFor(root: Graph, schema: Schema, node: string, input: string, error: { type: string; extra: JsonObject }): Repairs {
  const { type, extra } = error;
  const { graph, id } = levelOf(root, node);
  const at = valueAt(graph, id, input);
  const own = graph.nodes[id];
  const widget = own && specOf(schema, own)?.inputs.find((candidate) => candidate.name === input)?.widget;
  const held = at && graph.nodes[at.node]?.values[at.input];
  const value = at && widget && VALUE_PROBLEMS.has(type) ? valueFor(widget, held, extra) : undefined;
  const command = asText(asObject(extra['facts'])['command']);
  const sources = type === 'required_input_missing' ? asList(extra['suggestions']).map((name) => asText(name)).filter((name) => name in schema).slice(0, MOST) : [];
  return {
    ...(at && value !== undefined && value !== held ? { fix: { node: runPrefix(graph) + at.node, input: at.input, value } } : {}), ...(command ? { command } : {}),
    ...(sources.length > 0 ? { sources } : {}),
  };
}

/** The type most like one that the server does not have, if any is near. */
export function replacementFor(type: string, schema: Schema): string | undefined {
  return nearest(type, Object.keys(schema).filter((known) => schema[known]?.isVirtual === false));
}
