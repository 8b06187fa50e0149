/** How long a prompt is to the text encoders that read it. */
import type { ApiNode, ApiPrompt } from './serialize';
import type { Schema } from './schema';

/** What one encoder makes of a prompt, as the server's `/v1/prompt_length` has it. */
interface EncoderLength {
  encoder: string;
  tokens: number;
  limit: number;
  sections: number;
}

export interface PromptLength {
  encoders: readonly EncoderLength[];
  /** Sentences about encoders of which it could not be told. */
  problems: readonly string[];
}

/** A text, and the node that loads the encoders it is for. */
export interface PromptQuestion {
  text: string;
  loader: Pick<ApiNode, 'class_type' | 'inputs'>;
}

const ENCODERS = 'CLIP';

/** The node that feeds a node's encoders, through all that only change them; undefined where nothing does. */
function loaderOf(prompt: ApiPrompt, schema: Schema, id: string): ApiNode | undefined {
  const seen = new Set<string>();
  for (let at = id; !seen.has(at); ) {
    seen.add(at);
    const node = prompt[at];
    const input = node && schema[node.class_type]?.inputs.find(({ type }) => type === ENCODERS);
    if (!input) return at === id ? undefined : node;
    const fed = node.inputs[input.name];
    if (!Array.isArray(fed) || typeof fed[0] !== 'string') return undefined;
    at = fed[0];
  }
  return undefined;
}

/** What to ask about a text of a node; undefined for one that no encoder reads. */
export function promptQuestion(prompt: ApiPrompt, schema: Schema, id: string, input: string): PromptQuestion | undefined {
  const text = prompt[id]?.inputs[input];
  const loader = loaderOf(prompt, schema, id);
  return typeof text === 'string' && loader ? { text, loader: { class_type: loader.class_type, inputs: loader.inputs } } : undefined;
}

/** Words for lengths: of an encoder, by its name. */
export interface LengthWords {
  names: Readonly<Record<string, string>>;
  /** CLIP-L and CLIP-G where they count the same. */
  both: string;
  within: (name: string, tokens: number, limit: number) => string;
  parts: (name: string, tokens: number, sections: number) => string;
  beyond: (name: string, tokens: number, limit: number) => string;
  plain: (name: string, tokens: number) => string;
}

/** T5 takes everything in one section; how much of it is nobody's worry until it is more than it was trained with. */
const WHOLE = 't5xxl';

function phrase({ encoder, tokens, limit, sections }: EncoderLength, name: string, words: LengthWords): string {
  if (encoder === WHOLE) return tokens > limit ? words.beyond(name, tokens, limit) : words.plain(name, tokens);
  return sections > 1 ? words.parts(name, tokens, sections) : words.within(name, tokens, limit);
}

/** Whether an encoder has no room for more. */
function isFull({ encoder, tokens, limit, sections }: EncoderLength): boolean {
  return encoder === WHOLE ? tokens > limit : sections > 1 || tokens >= limit;
}

function sameButName(a: EncoderLength, b: EncoderLength): boolean {
  return a.tokens === b.tokens && a.limit === b.limit && a.sections === b.sections;
}

/**
 * One line about the text of an input, and whether an encoder is full. Of an input named like an encoder, only that one
 * reads the text.
 */
export function lengthLine(length: PromptLength, input: string, words: LengthWords): { text: string; isFull: boolean } {
  const own = length.encoders.filter(({ encoder }) => encoder === input);
  const read = own.length > 0 ? own : input in words.names ? [] : length.encoders;
  const [clipL, clipG] = (['clip_l', 'clip_g'] as const).map((name) => read.find(({ encoder }) => encoder === name));
  const areSame = clipL !== undefined && clipG !== undefined && sameButName(clipL, clipG);
  const shown = areSame ? read.filter((each) => each !== clipG) : read;
  const text = shown.map((each) => phrase(each, areSame && each === clipL ? words.both : (words.names[each.encoder] ?? each.encoder), words));
  return { text: text.join(' · '), isFull: read.some(isFull) };
}
