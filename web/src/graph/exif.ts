/** EXIF texts of WebP and JPEG files: saved pictures carry their workflow as `workflow:{…}` (RFC 9649; TIFF 6.0, 2). */

const ASCII = 2;
const MORE = 0x8769; // tag that says where the second directory is (EXIF 2.32, 4.6.3)
const COMMENT = 0x9286;
/** Name under which the user's comment is given, where other tools keep how a picture was made. */
export const USER_COMMENT = 'UserComment';
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

/** More entries than this are damage, and reading them all could take minutes. */
const MOST_ENTRIES = 500;

interface Entry {
  tag: number;
  type: number;
  /** Where its value stands, or where that is told. */
  at: number;
  value: Uint8Array;
}

/** Entries of a directory. Throws RangeError where they lie outside. */
function entriesOf(exif: Uint8Array, directory: number, isLittle: boolean): Entry[] {
  const view = viewOf(exif);
  const count = Math.min(view.getUint16(directory, isLittle), MOST_ENTRIES);
  return Array.from({ length: count }, (_, number): Entry => {
    const at = directory + 2 + 12 * number;
    const length = view.getUint32(at + 4, isLittle);
    const start = length > 4 ? view.getUint32(at + 8, isLittle) : at + 8;
    return { tag: view.getUint16(at, isLittle), type: view.getUint16(at + 2, isLittle), at: at + 8, value: exif.subarray(start, start + length) };
  });
}

/** A comment begins with eight letters that name its encoding; programs write UTF-16 in either order, whatever the file's is. */
function commentText(value: Uint8Array): string {
  const body = value.subarray(8);
  if (latin1(value, 0, 7) !== 'UNICODE') return new TextDecoder().decode(body);
  const zeros = (odd: 0 | 1): number => body.subarray(0, 400).filter((byte, at) => byte === 0 && at % 2 === odd).length;
  return new TextDecoder(zeros(0) >= zeros(1) ? 'utf-16be' : 'utf-16le').decode(body);
}

/** The texts of both directories: those `name:text`, and the comment. Throws RangeError where they lie outside. */
function textsOf(exif: Uint8Array): [string, string][] {
  const isLittle = latin1(exif, 0, 2) === 'II';
  const view = viewOf(exif);
  const first = entriesOf(exif, view.getUint32(4, isLittle), isLittle);
  const below = first.filter(({ tag }) => tag === MORE).flatMap(({ at }) => entriesOf(exif, view.getUint32(at, isLittle), isLittle));
  const named = first.filter(({ type }) => type === ASCII).map(({ value }): [string, string] => {
    const text = new TextDecoder().decode(value).replace(/\0+$/, '');
    const colon = text.indexOf(':');
    return [text.slice(0, Math.max(colon, 0)), text.slice(colon + 1)];
  });
  const comments = below.filter(({ tag }) => tag === COMMENT).map(({ value }): [string, string] => [USER_COMMENT, commentText(value).replace(/\0+$/, '')]);
  return [...named, ...comments];
}

function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/** Whether bytes begin like a WebP or JPEG file. */
export function isExifPicture(bytes: Uint8Array): boolean {
  return isWebp(bytes) || isJpeg(bytes);
}

/** Texts by the name before their first colon; none for other files and where the file is damaged. */
export function exifTexts(bytes: Uint8Array): Record<string, string> {
  const block = isWebp(bytes) ? webpExif(bytes) : isJpeg(bytes) ? jpegExif(bytes) : undefined;
  if (!block) return {};
  try {
    return Object.fromEntries(textsOf(latin1(block, 0, 4) === 'Exif' ? block.subarray(MARK_LENGTH) : block));
  } catch (error) {
    if (error instanceof RangeError) return {};
    throw error;
  }
}
