/**
 * Pictures of other tools: which one made it, and what it wrote into the picture.
 *
 * From their documentation: AUTOMATIC1111's wiki ("Features: PNG info") and its line `Steps: 20, Sampler: …`; InvokeAI
 * ("Image metadata"); SwarmUI ("Image Metadata Format"); NovelAI ("Image metadata"); Fooocus ("Metadata schemes").
 */
import { USER_COMMENT } from './exif';
import { asObject, asText, isObject, parseJson, type Json, type JsonObject } from './json';
import { isRecipe, recipeOf, type Recipe } from './recipe';

export interface OtherTool {
  tool: string;
  recipe: Recipe;
}

type Texts = Readonly<Record<string, string>>;

function jsonIn(text: string | undefined): JsonObject | undefined {
  if (!text?.trimStart().startsWith('{')) return undefined;
  try {
    const document = parseJson(text);
    return isObject(document) ? document : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

const SETTING = /\s*(\w[\w \-/]*):\s*("(?:\\.|[^"\\])*"|[^,]*)(?:,|$)/g;

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value.trim();
  try {
    return asText(JSON.parse(value), value);
  } catch (error) {
    if (error instanceof SyntaxError) return value;
    throw error;
  }
}

/** The line of settings as fields. */
function settingsOf(line: string): [string, string][] {
  return [...line.matchAll(SETTING)].map(([, name = '', value = '']): [string, string] => [name.trim(), unquoted(value)]);
}

/** No prompt is so long, and looking for settings in more could take minutes. */
const LONGEST = 100_000;

/** Prompt, `Negative prompt: …` and a last line of settings, each of as many lines as it needs. */
function parametersIn(text: string): JsonObject | undefined {
  if (text.length > LONGEST) return undefined;
  const lines = text.trim().split('\n');
  const last = lines.at(-1) ?? '';
  const settings = /(?:^|, )Steps: \d/.test(last) ? settingsOf(last) : [];
  if (settings.length < 2) return undefined;
  const words = lines.slice(0, -1).join('\n');
  const [prompt = '', ...negative] = words.split(/(?:^|\n)Negative prompt:/);
  return { ...Object.fromEntries(settings), Prompt: prompt.trim(), 'Negative prompt': negative.join('\n').trim() };
}

/** What InvokeAI says of the picture: beside its graph, or in it. */
function ofInvoke(texts: Texts): JsonObject | undefined {
  const metadata = jsonIn(texts['invokeai_metadata']) ?? jsonIn(texts['sd-metadata']);
  if (metadata) return isObject(metadata['image']) ? { ...metadata['image'], model: metadata['model_weights'] ?? '' } : metadata;
  const nodes = Object.values(asObject(jsonIn(texts['invokeai_graph'])?.['nodes'])).map(asObject);
  return nodes.find((node) => node['type'] === 'core_metadata');
}

function ofNovelAi(texts: Texts): JsonObject | undefined {
  const comment = jsonIn(texts['Comment']);
  return comment && texts['Software'] === 'NovelAI' ? { prompt: texts['Description'] ?? '', ...comment, model: texts['Source'] ?? 'NovelAI' } : undefined;
}

/** The text in which most tools leave their settings, in their own words. */
function ofParameters(text: string | undefined): [tool: string, fields: JsonObject] | undefined {
  const document = jsonIn(text);
  if (isObject(document?.['sui_image_params'])) return ['SwarmUI', document['sui_image_params']];
  if (document) return ['fooocus_version' in document || asText(document['version']).startsWith('Fooocus') ? 'Fooocus' : '', document];
  const fields = text === undefined ? undefined : parametersIn(text);
  return fields && ['AUTOMATIC1111', fields];
}

/** Any text that holds settings as JSON, and the texts themselves where each is one setting. */
function others(texts: Texts): [string, JsonObject][] {
  const documents = Object.values(texts).map(jsonIn).filter((document) => document !== undefined);
  const plain = Object.fromEntries(Object.entries(texts).map(([name, text]): [string, Json] => [name, text]));
  return [...documents, plain].map((fields): [string, JsonObject] => ['', fields]);
}

/** What another tool wrote into a picture, by the picture's texts; undefined where none is known to have. */
export function readOtherTool(texts: Texts): OtherTool | undefined {
  const [invoke, novel] = [ofInvoke(texts), ofNovelAi(texts)];
  const candidates: ([string, JsonObject] | undefined)[] = [
    invoke && ['InvokeAI', invoke], novel && ['NovelAI', novel], ofParameters(texts['parameters']), ofParameters(texts[USER_COMMENT]), ...others(texts),
  ];
  for (const candidate of candidates) {
    const recipe = candidate && recipeOf(candidate[1]);
    if (recipe && isRecipe(recipe)) return { tool: candidate[0], recipe };
  }
  return undefined;
}
