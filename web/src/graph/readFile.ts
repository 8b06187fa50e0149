/** What a file holds, whatever it is called: told by its first bytes. Never trusts it. */
import { exifTexts, isExifPicture } from './exif';
import { parseJson, type Json } from './json';
import { WorkflowError } from './parse';
import { isPng, pngTexts } from './png';
import type { Finding } from './report';

/** Texts of a picture by their name; undefined for files that are no picture. Throws {@link WorkflowError} where they are too large. */
export async function pictureTexts(bytes: Uint8Array): Promise<Record<string, string> | undefined> {
  if (isPng(bytes)) return pngTexts(bytes);
  return isExifPicture(bytes) ? exifTexts(bytes) : undefined;
}

/** Which encoding text is in: by its mark, and without one by the zeros that letters of the Latin alphabet have in UTF-16. */
function encodingOf([first, second]: Uint8Array): string {
  if ((first === 0xff && second === 0xfe) || (first !== 0 && second === 0)) return 'utf-16le';
  return (first === 0xfe && second === 0xff) || (first === 0 && second !== 0) ? 'utf-16be' : 'utf-8';
}

/** Text of bytes in UTF-8 or UTF-16, without its byte order mark. */
export function decodeText(bytes: Uint8Array): string {
  return new TextDecoder(encodingOf(bytes)).decode(bytes);
}

/** Nested deeper, a document cannot be walked without ending the browser's stack; workflows have about ten levels. */
const DEEPEST = 500;
const STRING_OR_BRACKET = /"[^"\\]*(?:\\.[^"\\]*)*"|[[\]{}]/g;

function refuseDepth(text: string): void {
  let depth = 0;
  for (const [token] of text.matchAll(STRING_OR_BRACKET)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    if (depth > DEEPEST) throw new WorkflowError('too_deep', String(DEEPEST));
  }
}

const STRING_OR_NO_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\b(?:NaN|Infinity)\b/g;

/** The text with `null` for what Python writes though JSON has no word for it, and how often that was. */
function withoutNaN(text: string): { text: string; count: number } {
  let count = 0;
  const plain = text.replace(STRING_OR_NO_NUMBER, (token) => {
    if (token.startsWith('"')) return token;
    count++;
    return 'null';
  });
  return { text: plain, count };
}

/** The document a text holds. Throws {@link WorkflowError}, and SyntaxError where it is no JSON. */
export function readDocument(text: string): { document: Json; findings: Finding[] } {
  if (text.trim() === '') throw new WorkflowError('empty');
  refuseDepth(text);
  try {
    return { document: parseJson(text), findings: [] };
  } catch (error) {
    const plain = withoutNaN(text);
    if (!(error instanceof SyntaxError) || plain.count === 0) throw error;
    return { document: parseJson(plain.text), findings: [{ code: 'no_number', node: null, subject: String(plain.count) }] };
  }
}
