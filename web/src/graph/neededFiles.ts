/** Which model files a workflow needs, and whether the server has them. */
import { asText, type Json } from './json';
import { parseWorkflow } from './parseApi';
import type { Schema } from './schema';

export interface NeededFile {
  name: string;
  /** Where it belongs, below the folder of the server. */
  folder: string;
  isHere: boolean;
}

/** Folders of the files that these inputs choose. */
const FOLDERS: readonly (readonly [input: RegExp, folder: string])[] = [
  [/^ckpt_name/, 'models/checkpoints'], [/^clip_name/, 'models/text_encoders'], [/^control_net_name/, 'models/controlnet'], [/^unet_name/, 'models/diffusion_models'],
  [/^vae_name/, 'models/vae'], [/^lora_name/, 'models/loras'],
];

/** The model files a document names, each once. */
export function neededFiles(document: Json, schema: Schema): NeededFile[] {
  const { graph } = parseWorkflow(document, schema);
  const needed = new Map<string, NeededFile>();
  for (const node of Object.values(graph.nodes)) {
    for (const { name: input, widget } of schema[node.type]?.inputs ?? []) {
      const folder = FOLDERS.find(([pattern]) => pattern.test(input))?.[1];
      const name = asText(node.values[input]);
      if (folder !== undefined && name !== '' && widget?.kind === 'select') needed.set(name, { name, folder, isHere: widget.options.includes(name) });
    }
  }
  return [...needed.values()];
}

/** Repositories on Hugging Face that publish the files. */
const REPOSITORIES: readonly (readonly [file: RegExp, repository: string])[] = [
  [/^sd3\.5_large_turbo\./, 'stable-diffusion-3.5-large-turbo'], [/^sd3\.5_large_controlnet/, 'stable-diffusion-3.5-controlnets'],
  [/^sd3\.5_medium\./, 'stable-diffusion-3.5-medium'], [/^(sd3\.5_large|clip_[lg]|t5xxl_fp(16|8_e4m3fn))\./, 'stable-diffusion-3.5-large'],
];

/** The page where a file can be had; undefined for files that nobody publishes. */
export function pageOf({ name }: Pick<NeededFile, 'name'>): string | undefined {
  const repository = REPOSITORIES.find(([pattern]) => pattern.test(name))?.[1];
  return repository && `https://huggingface.co/stabilityai/${repository}`;
}

/** Models that come with all they need to draw: the set has the file's name, in dashes. */
const MODEL = /^(sd3(?:\.5)?_(?:large|large_turbo|medium))\.safetensors$/;

/** The command line that brings a file, spelled as the server spells it (`KnownFile.pull_name`). */
export function commandFor({ name }: Pick<NeededFile, 'name'>): string {
  return `sd35graph models pull ${MODEL.exec(name)?.[1]?.replaceAll('_', '-') ?? name}`;
}
