/** What a picture was made with, read from the graph that made it. */
import { asObject, asText, type Json, type JsonObject } from './json';

export interface Facts {
  prompt?: string;
  negative?: string;
  seed?: string;
  steps?: string;
  cfg?: string;
  sampler?: string;
  scheduler?: string;
  model?: string;
}

const MODELS = ['ckpt_name', 'unet_name', 'model_name'];

function inputsOf(prompt: JsonObject, id: string): JsonObject {
  return asObject(asObject(prompt[id])['inputs']);
}

/** The node an input is linked to. */
function sourceOf(value: Json | undefined): string | undefined {
  return Array.isArray(value) && typeof value[0] === 'string' && value.length === 2 ? value[0] : undefined;
}

/** The first node at or before `start` for which `pick` gives something; nearest first. */
function nearest<T>(prompt: JsonObject, start: string | undefined, pick: (inputs: JsonObject) => T | undefined): T | undefined {
  const seen = new Set<string>();
  const pending = start === undefined ? [] : [start];
  for (let id = pending.shift(); id !== undefined; id = pending.shift()) {
    if (seen.has(id)) continue;
    seen.add(id);
    const inputs = inputsOf(prompt, id);
    const found = pick(inputs);
    if (found !== undefined) return found;
    pending.push(...Object.values(inputs).flatMap((value) => sourceOf(value) ?? []));
  }
  return undefined;
}

/** A value that stands on the node itself or on the one it is linked to. */
function valueOf(prompt: JsonObject, value: Json | undefined): string | undefined {
  const source = sourceOf(value);
  const held = source === undefined ? value : inputsOf(prompt, source)['value'];
  const text = asText(held);
  return text === '' ? undefined : text;
}

function textBehind(prompt: JsonObject, value: Json | undefined): string | undefined {
  return nearest(prompt, sourceOf(value), (inputs) => {
    for (const name of ['text', 't5xxl', 'clip_l', 'clip_g']) {
      const text = valueOf(prompt, inputs[name]);
      if (text !== undefined) return text;
    }
    return undefined;
  });
}

function isSampler(inputs: JsonObject): boolean {
  return 'steps' in inputs && ('seed' in inputs || 'noise_seed' in inputs);
}

/** Facts of the picture a node of a graph in API form gave: of the sampler nearest before it. */
export function factsOf(prompt: JsonObject, node: string): Facts {
  const sampler = nearest(prompt, node, (inputs) => (isSampler(inputs) ? inputs : undefined));
  if (!sampler) return {};
  const name = (input: string): string | undefined => valueOf(prompt, sampler[input]);
  const found: Record<keyof Facts, string | undefined> = {
    prompt: textBehind(prompt, sampler['positive']), negative: textBehind(prompt, sampler['negative']), seed: name('seed') ?? name('noise_seed'),
    steps: name('steps'), cfg: name('cfg'), sampler: name('sampler_name'), scheduler: name('scheduler'),
    model: nearest(prompt, sourceOf(sampler['model']), (inputs) => MODELS.map((key) => valueOf(prompt, inputs[key])).find((text) => text !== undefined)),
  };
  return Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined));
}
