/** What would mend a problem, proposed as a button. */
import { asList, asText, type JsonObject } from './json';
import type { Graph } from './model';
import { fitNumber } from './numbers';
import type { Schema, Widget, WidgetValue } from './schema';
import { nearest } from './search';
import { specOf } from './virtual';

export interface Repairs {
  /** A value that would do. */
  fix?: { input: string; value: WidgetValue };
  /** A command line that brings what is missing. */
  command?: string;
  /** Types of nodes that give what the input needs. */
  sources?: readonly string[];
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

/** What would mend an error of an input, as the server reports it. */
export function repairsFor(graph: Graph, schema: Schema, node: string, input: string, error: { type: string; details: string; extra: JsonObject }): Repairs {
  const { type, details, extra } = error;
  const held = graph.nodes[node];
  const widget = held && specOf(schema, held)?.inputs.find((candidate) => candidate.name === input)?.widget;
  const value = widget && VALUE_PROBLEMS.has(type) ? valueFor(widget, held.values[input], extra) : undefined;
  const command = /`(sd35graph models pull [^`]+)`/.exec(details)?.[1];
  const sources = type === 'required_input_missing' ? asList(extra['suggestions']).map((name) => asText(name)).filter((name) => name in schema).slice(0, MOST) : [];
  return {
    ...(value !== undefined && value !== held?.values[input] ? { fix: { input, value } } : {}), ...(command ? { command } : {}),
    ...(sources.length > 0 ? { sources } : {}),
  };
}
