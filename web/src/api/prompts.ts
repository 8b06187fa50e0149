/** What the server knows of prompts. */
import { asList, asObject, asText, isObject, type JsonObject } from '../graph/json';
import type { PromptQuestion } from '../graph/promptLength';
import { postJson } from './client';
import type { EncoderLength, PromptLength } from './wire';

const PATH = '/v1/prompt_length';

function encoderLength(entry: JsonObject): EncoderLength {
  return { encoder: asText(entry['encoder']), tokens: Number(entry['tokens']), limit: Number(entry['limit']), sections: Number(entry['sections']) };
}

/** `POST /v1/prompt_length`: a prompt's tokens for each encoder; null where they are not available, for instance because a file is missing. */
export async function fetchPromptLength(question: PromptQuestion): Promise<PromptLength | null> {
  const found = asObject(await postJson(PATH, question));
  if (isObject(found['unavailable'])) return null;
  return {
    encoders: asList(found['encoders']).filter(isObject).map(encoderLength),
    problems: asList(found['problems']).map((sentence) => asText(sentence)),
  };
}
