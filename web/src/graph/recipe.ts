/** How a picture was made, as other tools write it down: their many names for the same few things, made one. */
import type { Facts } from './facts';
import { asList, asObject, asText, isObject, type Json, type JsonObject } from './json';

export interface Lora {
  name: string;
  weight: string;
}

/** What of it can be made anew, as text; absent what the tool does not say. */
export interface Recipe extends Facts {
  width?: string;
  height?: string;
  /** Less than 1: the picture began with another one. */
  denoise?: string;
  loras: readonly Lora[];
  /** Everything else that was said of it. */
  others: readonly (readonly [name: string, value: string])[];
}

type Field = Exclude<keyof Recipe, 'loras' | 'others'>;

/** Names of each field in the tools, with letters and digits only. */
const NAMES: Readonly<Record<Field, readonly string[]>> = {
  prompt: ['prompt', 'positiveprompt', 'positive'],
  negative: ['negativeprompt', 'negative', 'uc', 'unconditionalprompt'],
  seed: ['seed', 'noiseseed'],
  steps: ['steps', 'numinferencesteps', 'numsteps'],
  cfg: ['cfgscale', 'cfg', 'guidancescale', 'scale'],
  sampler: ['sampler', 'samplername'],
  scheduler: ['scheduler', 'scheduletype', 'schedulername', 'noiseschedule'],
  width: ['width'],
  height: ['height'],
  denoise: ['denoisingstrength', 'denoise', 'strength', 'initimagecreativity'],
  model: ['model', 'basemodel', 'sdmodelcheckpoint', 'modelname', 'checkpoint', 'usesdmodel'],
};

/** Says nothing about the picture, or the same again. */
const NOISE = /version|hash|signature|software|source|schema|metadatascheme|createdby|generationtime|date|^raw|^request|^nsamples$|^size$|^resolution$|^lora/;

/** `Negative prompt` and `negative_prompt` are one name. */
export function plainName(name: string): string {
  return name.toLowerCase().replace(/[^a-z0-9]/g, '');
}

/** A value as a line; of a model that is described its name. */
function textOf(value: Json | undefined): string {
  if (isObject(value)) return asText(value['name'], asText(value['model_name']));
  return Array.isArray(value) ? value.map((item) => textOf(item)).filter(Boolean).join(', ') : asText(value);
}

/** The size from fields such as `Size: 512x768` and `resolution: (1152, 896)`. */
function sizeOf(fields: ReadonlyMap<string, Json>): Pick<Recipe, 'width' | 'height'> {
  const [, width, height] = /(\d+)\D+(\d+)/.exec(textOf(fields.get('size') ?? fields.get('resolution'))) ?? [];
  return width !== undefined && height !== undefined ? { width, height } : {};
}

function loraOf(entry: Json): Lora {
  if (Array.isArray(entry)) return { name: asText(entry[0]), weight: asText(entry[1]) };
  const { model, lora, name, weight } = asObject(entry);
  return { name: asText(entry) || asText(name) || textOf(model ?? lora), weight: asText(weight) };
}

function lorasOf(fields: ReadonlyMap<string, Json>): Lora[] {
  const listed = asList(fields.get('loras')).map(loraOf);
  const weights = asList(fields.get('loraweights')).map((weight) => asText(weight));
  return listed.map((lora, at) => ({ ...lora, weight: lora.weight || (weights[at] ?? '') })).filter(({ name }) => name !== '');
}

const LORA_TAG = /<(?:lora|lyco):([^:>]+)(?::([^>]*))?>/g;

/** A prompt without the marks that load LoRAs, and these. */
function withoutTags(prompt: string): { prompt: string; loras: Lora[] } {
  const loras = [...prompt.matchAll(LORA_TAG)].map(([, name = '', weight = '']) => ({ name, weight }));
  return { prompt: loras.length > 0 ? prompt.replace(LORA_TAG, '').split('\n').map((line) => line.trim()).join('\n') : prompt, loras };
}

/** The recipe that fields of any tool tell. */
export function recipeOf(said: JsonObject): Recipe {
  const fields = new Map(Object.entries(said).map(([name, value]) => [plainName(name), value]));
  const found: Partial<Record<Field, string>> = sizeOf(fields);
  const used = new Set<string>();
  for (const [field, names] of Object.entries(NAMES) as [Field, readonly string[]][]) {
    const name = names.find((each) => textOf(fields.get(each)).trim() !== '');
    for (const each of names) used.add(each);
    if (name !== undefined) found[field] = textOf(fields.get(name)).trim();
  }
  const { prompt, loras } = withoutTags(found.prompt ?? '');
  const others = Object.entries(said).filter(([name]) => !used.has(plainName(name)) && !NOISE.test(plainName(name)))
    .map(([name, value]) => [name, textOf(value)] as const).filter(([, value]) => value !== '' && value !== 'false' && value !== 'None');
  return { ...found, ...(found.prompt === undefined ? {} : { prompt }), loras: [...lorasOf(fields), ...loras], others };
}

/** Whether a recipe tells enough to be one. */
export function isRecipe({ prompt, steps, seed, sampler }: Recipe): boolean {
  return prompt !== undefined && (steps !== undefined || seed !== undefined || sampler !== undefined);
}
