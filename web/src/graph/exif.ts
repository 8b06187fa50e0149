/** EXIF texts of WebP and JPEG files: saved pictures carry their workflow as `workflow:{…}` (RFC 9649; TIFF 6.0, 2). */

const ASCII = 2;
const MARK_LENGTH = 6; // of "Exif" and two zeros, before the directory in JPEG files
const APP1 = 0xffe1;
const END = 0xffd9;
const PIXELS = 0xffda;

function latin1(bytes: Uint8Array, start: number, length: number): string {
  return new TextDecoder('latin1').decode(bytes.subarray(start, start + length));
}

function isWebp(bytes: Uint8Array): boolean {
  return latin1(bytes, 0, 4) === 'RIFF' && latin1(bytes, 8, 4) === 'WEBP';
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function webpExif(bytes: Uint8Array): Uint8Array | undefined {
  const view = viewOf(bytes);
  for (let at = 12; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    if (latin1(bytes, at, 4) === 'EXIF') return bytes.subarray(at + 8, at + 8 + length);
    at += 8 + length + (length % 2);
  }
  return undefined;
}

function jpegExif(bytes: Uint8Array): Uint8Array | undefined {
  const view = viewOf(bytes);
  for (let at = 2; at + 4 <= bytes.length; ) {
    const marker = view.getUint16(at);
    const length = view.getUint16(at + 2);
    if (marker === END || marker === PIXELS) return undefined;
    if (marker === APP1 && latin1(bytes, at + 4, 4) === 'Exif') return bytes.subarray(at + 4, at + 2 + length);
    at += 2 + length;
  }
  return undefined;
}

/** The texts among the tags of the first directory. Throws RangeError where they lie outside. */
function asciiValues(exif: Uint8Array): string[] {
  const view = viewOf(exif);
  const isLittle = latin1(exif, 0, 2) === 'II';
  const directory = view.getUint32(4, isLittle);
  const values: string[] = [];
  for (let number = 0; number < view.getUint16(directory, isLittle); number++) {
    const at = directory + 2 + 12 * number;
    const length = view.getUint32(at + 4, isLittle);
    const start = length > 4 ? view.getUint32(at + 8, isLittle) : at + 8;
    if (view.getUint16(at + 2, isLittle) !== ASCII) continue;
    values.push(new TextDecoder().decode(exif.subarray(start, start + length)).replace(/\0+$/, ''));
  }
  return values;
}

/** Texts by the name before their first colon; none for other files and where the file is damaged. */
export function exifTexts(bytes: Uint8Array): Record<string, string> {
  const isJpeg = bytes[0] === 0xff && bytes[1] === 0xd8;
  const block = isWebp(bytes) ? webpExif(bytes) : isJpeg ? jpegExif(bytes) : undefined;
  if (!block) return {};
  try {
    const values = asciiValues(latin1(block, 0, 4) === 'Exif' ? block.subarray(MARK_LENGTH) : block);
    return Object.fromEntries(values.map((value) => {
      const colon = value.indexOf(':');
      return [value.slice(0, Math.max(colon, 0)), value.slice(colon + 1)];
    }));
  } catch (error) {
    if (error instanceof RangeError) return {};
    throw error;
  }
}
