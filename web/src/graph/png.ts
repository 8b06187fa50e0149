/** Text chunks of PNG files: saved pictures carry their workflow (PNG specification, third edition, 11.3.3). */
import { inflate } from './inflate';
import { WorkflowError } from './parse';

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

/** No workflow is so large; all texts of a picture together are not read beyond it. */
const MOST_BYTES = 32 * 2 ** 20;

/** Whether bytes begin like a PNG file. */
export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, at) => bytes[at] === byte);
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes);
}

function utf8(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** A text chunk taken apart: its text is compressed or not, in one of two encodings. */
interface TextChunk {
  keyword: string;
  body: Uint8Array;
  isCompressed: boolean;
  decode: (bytes: Uint8Array) => string;
}

/** iTXt: compression flag and method, then language tag and translated keyword, both zero-terminated. */
function internationalText(keyword: string, rest: Uint8Array): TextChunk | undefined {
  const language = rest.indexOf(0, 2);
  const translated = rest.indexOf(0, language + 1);
  if (language < 0 || translated < 0) return undefined;
  return { keyword, body: rest.subarray(translated + 1), isCompressed: rest[0] === 1, decode: utf8 };
}

function readTextChunk(type: string, bytes: Uint8Array): TextChunk | undefined {
  const end = bytes.indexOf(0);
  if (end < 0) return undefined;
  const keyword = latin1(bytes.subarray(0, end));
  const rest = bytes.subarray(end + 1);
  if (type === 'iTXt') return internationalText(keyword, rest);
  // zTXt: one byte names the method of compression; there is only one.
  return type === 'tEXt' ? { keyword, body: rest, isCompressed: false, decode: latin1 } : { keyword, body: rest.subarray(1), isCompressed: true, decode: latin1 };
}

function textChunks(bytes: Uint8Array): TextChunk[] {
  const chunks: TextChunk[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const type = latin1(bytes.subarray(at + 4, at + 8));
    if (at + 12 + length > bytes.length) break;
    const chunk = /^(tEXt|zTXt|iTXt)$/.test(type) ? readTextChunk(type, bytes.subarray(at + 8, at + 8 + length)) : undefined;
    if (chunk) chunks.push(chunk);
    at += 12 + length;
  }
  return chunks;
}

/** The bytes of a chunk's text; undefined where they are damaged. Throws `WorkflowError` where they are more than are left. */
async function bytesOf({ body, isCompressed }: TextChunk, left: number): Promise<Uint8Array | undefined> {
  try {
    const bytes = isCompressed ? await inflate(new Uint8Array(body), left) : body;
    if (bytes && bytes.length <= left) return bytes;
  } catch (error) {
    if (error instanceof TypeError) return undefined;
    throw error;
  }
  throw new WorkflowError('too_large', String(MOST_BYTES / 2 ** 20));
}

/** Text chunks by keyword; damaged ones are left out. Throws `WorkflowError` where they hold more than any workflow. */
export async function pngTexts(bytes: Uint8Array): Promise<Record<string, string>> {
  const texts: Record<string, string> = {};
  if (!isPng(bytes)) return texts;
  let left = MOST_BYTES;
  for (const chunk of textChunks(bytes)) {
    const text = await bytesOf(chunk, left);
    if (!text) continue;
    left -= text.length;
    texts[chunk.keyword] = chunk.decode(text);
  }
  return texts;
}
