/** The positional `widgets_values` of the editor form, read into and written from values by name. */
import { asList, asObject, asText, isObject, type Json, type JsonObject } from './json';
import type { GraphNode, SeedControl } from './model';
import { SEED_CONTROLS } from './model';
import type { NodeSpec, Widget, WidgetValue } from './schema';
import { widgetInputs } from './schema';

/** Extra entry that follows an image upload widget. */
const UPLOAD_MARK = 'image';

function isControl(value: unknown): value is SeedControl {
  return SEED_CONTROLS.some((control) => control === value);
}

type Stored = Pick<GraphNode, 'values' | 'controls'>;

function fromList(spec: NodeSpec, list: Json[]): Stored {
  const values: Record<string, WidgetValue> = {};
  const controls: Record<string, SeedControl> = {};
  let at = 0;
  for (const { name, widget, optional } of widgetInputs(spec)) {
    const stated = list[at++];
    if (stated !== undefined) values[name] = stated;
    else if (!optional) values[name] = widget.default;
    const next = list[at];
    if (widget.kind === 'seed') {
      controls[name] = isControl(next) ? next : 'fixed';
      if (isControl(next)) at++;
    } else if (widget.kind === 'file' && next === UPLOAD_MARK) at++;
  }
  return { values, controls };
}

/** Values and seed controls of a node whose type is known; too few values take their defaults. */
export function readWidgetValues(spec: NodeSpec, stored: Json | undefined): Stored {
  if (!isObject(stored)) return fromList(spec, asList(stored));
  const { controls } = fromList(spec, []);
  const missing = widgetInputs(spec).filter(({ name, optional }) => !optional && !(name in stored));
  return { controls, values: { ...stored, ...Object.fromEntries(missing.map((i) => [i.name, i.widget.default])) } };
}

/** How many entries of a stored list the widgets of this type take. */
function consumed(spec: NodeSpec, list: Json[]): number {
  let at = 0;
  for (const { widget } of widgetInputs(spec)) {
    at++;
    if (widget.kind === 'seed' && isControl(list[at])) at++;
    else if (widget.kind === 'file' && list[at] === UPLOAD_MARK) at++;
  }
  return at;
}

/** Whether a widget can hold a value at all. A choice that is not on offer is the server's to judge. */
function fits({ kind }: Widget, value: WidgetValue): boolean {
  if (kind === 'toggle') return typeof value === 'boolean';
  if (kind === 'text') return typeof value === 'string';
  return kind === 'select' || kind === 'file' || typeof value === 'number' || typeof value === 'bigint';
}

/** Names of the widgets that hold what they cannot show, and how many stored values no widget takes. */
export function misfits(spec: NodeSpec, values: GraphNode['values'], stored: Json | undefined): { wrong: string[]; surplus: number } {
  const wrong = widgetInputs(spec).filter(({ name, widget }) => name in values && !fits(widget, values[name] ?? null)).map(({ name }) => name);
  const list = asList(stored);
  return { wrong, surplus: Math.max(0, list.length - consumed(spec, list)) };
}

/** `widgets_values` for saving: up to the last stated value, then whatever surplus the file had. */
export function writeWidgetValues(spec: NodeSpec, node: GraphNode): Json {
  const stored = node.raw['widgets_values'];
  if (isObject(stored)) return { ...stored, ...node.values };
  const list: Json[] = [];
  let length = 0;
  for (const { name, widget } of widgetInputs(spec)) {
    const value = node.values[name];
    list.push(value ?? widget.default);
    if (widget.kind === 'seed') list.push(node.controls[name] ?? 'fixed');
    else if (widget.kind === 'file') list.push(UPLOAD_MARK);
    if (value !== undefined) length = list.length;
  }
  const before = asList(stored);
  const surplus = before.slice(consumed(spec, before));
  return surplus.length > 0 ? [...list, ...surplus] : list.slice(0, length);
}

/** Names of the widgets that a subgraph's node shows for what is inside. */
function promotedNames(raw: JsonObject): string[] {
  return asList(raw['inputs']).map(asObject).flatMap((input) => (isObject(input['widget']) ? [asText(input['name'])] : []));
}

/** Values a subgraph's node gives to widgets inside; those inside stay where it gives none, or another number of them. */
export function readPromoted(raw: JsonObject): Stored['values'] {
  const stored = raw['widgets_values'];
  if (isObject(stored)) return stored;
  const [names, list] = [promotedNames(raw), asList(stored)];
  return names.length === list.length ? Object.fromEntries(names.map((name, at) => [name, list[at] ?? null])) : {};
}

/** `widgets_values` of a subgraph's node whose inputs are to be saved as `inputs`. */
export function writePromoted(spec: NodeSpec, node: GraphNode, inputs: Json): Json {
  const stored = node.raw['widgets_values'];
  if (isObject(stored)) return { ...stored, ...node.values };
  if (Object.keys(node.values).length === 0) return [];
  const inside = new Map(widgetInputs(spec).map(({ name, widget }) => [name, widget.default]));
  return promotedNames({ inputs }).map((name) => node.values[name] ?? inside.get(name) ?? null);
}

/** A primitive stores its value and what happens to it after a run. */
export function readPrimitive(stored: Json | undefined): Stored {
  const [value, control] = asList(stored);
  return {
    values: { value: value ?? '' },
    controls: isControl(control) && typeof value !== 'string' ? { value: control } : {},
  };
}
