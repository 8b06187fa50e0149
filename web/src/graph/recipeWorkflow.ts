/** A recipe of another tool as a workflow for SD3.5, and what of it could not be carried over. */
import { asText, type JsonObject } from './json';
import { fitNumber } from './numbers';
import { readOtherTool } from './otherTools';
import type { Recipe } from './recipe';
import type { Finding, FindingCode } from './report';
import { namesHere } from './samplerNames';
import type { NumberWidget, Schema, Widget } from './schema';

const LOADER = 'CheckpointLoaderSimple';
const ENCODERS = 'TripleCLIPLoader';

function widgetOf(schema: Schema, type: string, input: string): Widget | null | undefined {
  return schema[type]?.inputs.find(({ name }) => name === input)?.widget;
}

function optionsOf(schema: Schema, type: string, input: string): string[] {
  const widget = widgetOf(schema, type, input);
  return widget?.kind === 'select' || widget?.kind === 'file' ? widget.options.map((option) => asText(option)) : [];
}

/** The file whose name has one of these parts, the first part that any has; else the published one. */
function fileWith(options: readonly string[], parts: readonly string[], published: string): string {
  for (const part of parts) {
    const found = options.find((option) => option.toLowerCase().includes(part) && !/tiny/i.test(option));
    if (found !== undefined) return found;
  }
  return published;
}

function stemOf(file: string): string {
  return file.replace(/^.*[/\\]/, '').replace(/\.(safetensors|sft|ckpt|gguf|pth?)$/i, '').toLowerCase();
}

class Translation {
  readonly findings: Finding[] = [];

  constructor(private readonly schema: Schema, private readonly recipe: Recipe) {}

  tell(code: FindingCode, subject: string, node: string | null = null): void {
    this.findings.push({ code, node, subject });
  }

  /** The checkpoint of the same name, else an SD3.5 that is here. */
  checkpoint(): string {
    const options = optionsOf(this.schema, LOADER, 'ckpt_name');
    const { model } = this.recipe;
    const same = model === undefined ? undefined : options.find((option) => stemOf(option) === stemOf(model));
    if (same !== undefined) return same;
    const chosen = fileWith(options, ['sd3.5_large', 'sd3.5_medium', 'sd3.5', 'sd35'], 'sd3.5_large.safetensors');
    if (model !== undefined && stemOf(model) !== stemOf(chosen)) this.tell('other_model', `${model} → ${chosen}`, '1');
    return chosen;
  }

  encoders(): JsonObject {
    const options = optionsOf(this.schema, ENCODERS, 'clip_name1');
    return {
      clip_name1: fileWith(options, ['clip_l'], 'clip_l.safetensors'), clip_name2: fileWith(options, ['clip_g'], 'clip_g.safetensors'),
      clip_name3: fileWith(options, ['t5xxl_fp16', 't5xxl'], 't5xxl_fp16.safetensors'),
    };
  }

  /** A number of the recipe within the limits of an input; nothing where it says none. */
  number(type: string, input: string, text: string | undefined, node: string): JsonObject {
    const widget = widgetOf(this.schema, type, input);
    if (text === undefined || !/^\d+(\.\d+)?$/.test(text) || !isNumber(widget)) return {};
    const given = widget.kind === 'seed' && /^\d+$/.test(text) ? BigInt(text) : Number(text);
    const value = fitNumber(isStepped(widget) ? Math.round(Number(given) / widget.step) * widget.step : given, widget);
    if (Number(value) !== Number(given)) this.tell('other_number', `${input}: ${text} → ${value.toString()}`, node);
    return { [input]: value };
  }

  sampler(): JsonObject {
    const { sampler, scheduler } = namesHere(this.recipe, optionsOf(this.schema, 'KSampler', 'sampler_name'), optionsOf(this.schema, 'KSampler', 'scheduler'));
    if (sampler && !sampler.isSame) this.tell('other_sampler', `${this.recipe.sampler ?? this.recipe.scheduler ?? ''} → ${sampler.name}`, '6');
    if (scheduler && !scheduler.isSame) this.tell('other_sampler', `${this.recipe.scheduler ?? this.recipe.sampler ?? ''} → ${scheduler.name}`, '6');
    return { sampler_name: sampler?.name ?? 'euler', scheduler: scheduler?.name ?? 'sgm_uniform' };
  }

  /** What has no place in the workflow. */
  tellOfTheRest(): void {
    const { loras, denoise, others } = this.recipe;
    for (const { name, weight } of loras) this.tell('no_lora', weight === '' ? name : `${name} (${weight})`);
    const isSecondPass = ([name]: readonly [string, string]): boolean => /hires|hrf|refiner|upscal/i.test(name);
    const line = (list: Recipe['others']): string => list.map(([name, value]) => `${name}: ${value}`).join(', ').slice(0, 400);
    const [second, rest] = [others.filter(isSecondPass), others.filter((entry) => !isSecondPass(entry))];
    if (second.length > 0) this.tell('no_second_pass', line(second));
    else if (denoise !== undefined && Number(denoise) < 1) this.tell('no_first_picture', denoise, '6');
    if (rest.length > 0) this.tell('no_place', line(rest));
  }
}

/** Sizes come in steps; a number between two of them is refused by the server. */
function isStepped(widget: NumberWidget): boolean {
  return widget.kind === 'int' && widget.step > 1;
}

function isNumber(widget: Widget | null | undefined): widget is NumberWidget {
  return widget?.kind === 'int' || widget?.kind === 'float' || widget?.kind === 'seed';
}

function entry(type: string, inputs: JsonObject, title?: string): JsonObject {
  return { class_type: type, inputs, ...(title === undefined ? {} : { _meta: { title } }) };
}

export interface Translated {
  document: JsonObject;
  findings: Finding[];
}

/** What the texts of another tool's picture say, as a workflow; undefined where they say nothing. `words` are the titles of its prompts. */
export function translate(texts: Readonly<Record<string, string>>, schema: Schema, words: Words): (Translated & { tool: string }) | undefined {
  const read = readOtherTool(texts);
  return read && { ...workflowOf(read.recipe, schema, words), tool: read.tool };
}

interface Words {
  prompt: string;
  negative: string;
}

/** The workflow in API form, which makes such a picture as well as SD3.5 can. */
function workflowOf(recipe: Recipe, schema: Schema, words: Words): Translated {
  const translation = new Translation(schema, recipe);
  const { width, height, seed, steps, cfg } = recipe;
  const size = { ...translation.number('EmptySD3LatentImage', 'width', width, '5'), ...translation.number('EmptySD3LatentImage', 'height', height, '5') };
  const numbers = { ...translation.number('KSampler', 'seed', seed, '6'), ...translation.number('KSampler', 'steps', steps, '6'), ...translation.number('KSampler', 'cfg', cfg, '6') };
  const document = {
    1: entry(LOADER, { ckpt_name: translation.checkpoint() }),
    2: entry(ENCODERS, translation.encoders()),
    3: entry('CLIPTextEncode', { clip: ['2', 0], text: recipe.prompt ?? '' }, words.prompt),
    4: entry('CLIPTextEncode', { clip: ['2', 0], text: recipe.negative ?? '' }, words.negative),
    5: entry('EmptySD3LatentImage', { width: 1024, height: 1024, batch_size: 1, ...size }),
    6: entry('KSampler', {
      model: ['1', 0], positive: ['3', 0], negative: ['4', 0], latent_image: ['5', 0], seed: 0, steps: 28, cfg: 4.5, denoise: 1, ...numbers, ...translation.sampler(),
    }),
    7: entry('VAEDecode', { samples: ['6', 0], vae: ['1', 2] }),
    8: entry('SaveImage', { images: ['7', 0], filename_prefix: 'sd35graph' }),
  };
  translation.tellOfTheRest();
  return { document, findings: translation.findings };
}
