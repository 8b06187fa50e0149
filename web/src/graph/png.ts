/** Text chunks of PNG files: saved pictures carry their workflow (PNG specification, third edition, 11.3.3). */

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];

/** Whether bytes begin like a PNG file. */
export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, at) => bytes[at] === byte);
}

function latin1(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes);
}

function readTextChunk(type: string, body: Uint8Array): [string, string] | undefined {
  const end = body.indexOf(0);
  if (end < 0) return undefined;
  const keyword = latin1(body.subarray(0, end));
  if (type === 'tEXt') return [keyword, latin1(body.subarray(end + 1))];
  // iTXt: compression flag and method, then language tag and translated keyword, both zero-terminated. Compressed
  // text is left alone: neither we nor the programs whose files we read write it.
  if (body[end + 1] !== 0) return undefined;
  const language = body.indexOf(0, end + 3);
  const translated = body.indexOf(0, language + 1);
  if (language < 0 || translated < 0) return undefined;
  return [keyword, new TextDecoder().decode(body.subarray(translated + 1))];
}

/** Uncompressed text chunks by keyword. */
export function pngTexts(bytes: Uint8Array): Record<string, string> {
  const texts: Record<string, string> = {};
  if (!isPng(bytes)) return texts;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const type = latin1(bytes.subarray(at + 4, at + 8));
    if (at + 12 + length > bytes.length) break;
    if (type === 'tEXt' || type === 'iTXt') {
      const entry = readTextChunk(type, bytes.subarray(at + 8, at + 8 + length));
      if (entry) texts[entry[0]] = entry[1];
    }
    at += 12 + length;
  }
  return texts;
}
