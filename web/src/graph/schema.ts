/** Node types as the editor needs them, read from the server's `object_info`. */
import { asList, asObject, asText, isObject, type Json, type JsonObject } from './json';

export type NumberValue = number | bigint;
export type WidgetValue = string | boolean | NumberValue | null | Json[] | JsonObject;

export interface NumberWidget {
  kind: 'int' | 'float' | 'seed' | 'color';
  default: NumberValue;
  min: NumberValue;
  max: NumberValue;
  step: number;
  /** Drawn as far as its value lies between its limits, and dragged along that. */
  slider?: true;
}

export type Widget =
  | NumberWidget
  | { kind: 'text'; default: string; multiline: boolean; isPrompt?: true }
  | { kind: 'select'; default: string; options: WidgetValue[] }
  | { kind: 'file'; default: string; options: WidgetValue[] }
  | { kind: 'toggle'; default: boolean };

export interface InputSpec {
  name: string;
  label: string;
  type: string;
  optional: boolean;
  /** Optional and rarely needed: folded away on the card until it is asked for or used. */
  advanced: boolean;
  help: string;
  /** What edits the value on the card; `null` for inputs that only take a link. */
  widget: Widget | null;
}

export interface OutputSpec {
  name: string;
  type: string;
  help: string;
}

export interface NodeSpec {
  type: string;
  title: string;
  /** Name on the server; files store it as title where the user gave none. */
  serverTitle: string;
  category: string;
  /** The category in the user's words: `Latent › batch`. */
  categoryTitle: string;
  help: string;
  inputs: InputSpec[];
  outputs: OutputSpec[];
  isOutput: boolean;
  /** Only in the editor: notes, reroutes and primitives never reach the server. */
  isVirtual: boolean;
  /** A graph of the document stands behind it. */
  isSubgraph?: true;
}

export type Schema = Record<string, NodeSpec>;

const SEED_NAMES = new Set(['seed', 'noise_seed']);

/** Friendlier words for what the server names, by type, by input and by part of a category. */
export interface NodeWords {
  titles: Readonly<Record<string, string>>;
  labels: Readonly<Record<string, string>>;
  categories: Readonly<Record<string, string>>;
}

const NO_WORDS: NodeWords = { titles: {}, labels: {}, categories: {} };

/** `latent/batch` → `latent › batch`. */
export function categoryTitle(category: string, { categories }: NodeWords = NO_WORDS): string {
  return category.split('/').map((part) => categories[part] ?? part.replaceAll('_', ' ').trim()).join(' › ');
}

/** `noise_mask1` → `noise mask 1`. */
function labelOf(name: string, words: NodeWords): string {
  return words.labels[name] ?? name.replaceAll('_', ' ').replace(/([a-z])(\d+)$/, '$1 $2');
}

function asNumber(value: unknown, fallback: NumberValue): NumberValue {
  return typeof value === 'number' || typeof value === 'bigint' ? value : fallback;
}

function numberWidget(name: string, type: string, options: JsonObject): NumberWidget {
  const isInt = type === 'INT';
  const isSeed = isInt && (SEED_NAMES.has(name) || options['control_after_generate'] === true);
  const limit = isInt ? Number.MAX_SAFE_INTEGER : 1e12;
  const isShare = !isInt && Number(options['min']) === 0 && Number(options['max']) === 1;
  return {
    kind: isSeed ? 'seed' : options['display'] === 'color' ? 'color' : isInt ? 'int' : 'float',
    default: asNumber(options['default'], 0),
    min: asNumber(options['min'], -limit),
    max: asNumber(options['max'], limit),
    step: Number(asNumber(options['step'], isInt ? 1 : 0.01)),
    ...(isShare || options['display'] === 'slider' ? { slider: true } : {}),
  };
}

function listWidget(values: Json[], options: JsonObject): Widget {
  const kind = options['image_upload'] === true ? 'file' : 'select';
  return { kind, default: asText(options['default'], asText(values[0])), options: values };
}

function widgetOf(name: string, type: Json, options: JsonObject): Widget | null {
  if (options['forceInput'] === true) return null;
  if (Array.isArray(type)) return listWidget(type, options);
  switch (type) {
    case 'INT':
    case 'FLOAT':
      return numberWidget(name, type, options);
    case 'STRING':
      return { kind: 'text', default: asText(options['default']), multiline: options['multiline'] === true, ...(options['dynamicPrompts'] === true ? { isPrompt: true } : {}) };
    case 'BOOLEAN':
      return { kind: 'toggle', default: options['default'] === true };
    case 'COMBO':
      return listWidget(asList(options['options']), options);
    default:
      return null;
  }
}

function inputSpec(name: string, entry: Json, optional: boolean, words: NodeWords): InputSpec {
  const [type = '*', options] = Array.isArray(entry) ? entry : [entry];
  const settings = asObject(options);
  return {
    name,
    label: labelOf(name, words),
    type: Array.isArray(type) ? 'COMBO' : asText(type, '*'),
    optional,
    advanced: optional && settings['advanced'] === true,
    help: asText(settings['tooltip']),
    widget: widgetOf(name, type, settings),
  };
}

function inputSpecs(info: JsonObject, words: NodeWords): InputSpec[] {
  const declared = asObject(info['input']);
  const order = asObject(info['input_order']);
  return (['required', 'optional'] as const).flatMap((section) => {
    const entries = asObject(declared[section]);
    const named = asList(order[section]).filter((name): name is string => typeof name === 'string' && name in entries);
    const names = [...new Set([...named, ...Object.keys(entries)])];
    return names.map((name) => inputSpec(name, entries[name] ?? null, section === 'optional', words));
  });
}

function outputSpecs(info: JsonObject): OutputSpec[] {
  const names = asList(info['output_name']);
  const helps = asList(info['output_tooltips']);
  return asList(info['output']).map((type, slot) => {
    const kind = Array.isArray(type) ? 'COMBO' : asText(type, '*');
    return { name: asText(names[slot], kind), type: kind, help: asText(helps[slot]) };
  });
}

/** `ConditioningZeroOut` → `Conditioning zero out`; abbreviations stay together, and so does `KSampler`. */
export function titleFromType(type: string): string {
  const words = type
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]{2,})([A-Z][a-z])/g, '$1 $2')
    .split(/[ _]+/);
  return words.map((word, i) => (i === 0 || /[A-Z]{2}/.test(word) ? word : word.toLowerCase())).join(' ');
}

/** Node types of an `object_info` document, in friendlier words where there are some. */
export function readSchema(document: Json, words: NodeWords = NO_WORDS): Schema {
  const schema: Schema = {};
  for (const [type, info] of Object.entries(asObject(document))) {
    if (!isObject(info)) continue;
    const given = asText(info['display_name']);
    schema[type] = {
      type,
      serverTitle: given || type,
      title: words.titles[type] ?? (given && given !== type ? given : titleFromType(type)),
      category: asText(info['category'], 'other'),
      categoryTitle: categoryTitle(asText(info['category'], 'other'), words),
      help: asText(info['description']),
      inputs: inputSpecs(info, words),
      outputs: outputSpecs(info),
      isOutput: info['output_node'] === true,
      isVirtual: false,
    };
  }
  return schema;
}

/** What cards call an input. */
export function inputLabel(spec: NodeSpec | undefined, name: string): string {
  return spec?.inputs.find((input) => input.name === name)?.label ?? name;
}

/** The widget inputs in declaration order: the order of `widgets_values`. */
export function widgetInputs(spec: NodeSpec): (InputSpec & { widget: Widget })[] {
  return spec.inputs.filter((input): input is InputSpec & { widget: Widget } => input.widget !== null);
}
