import { describe, expect, it } from 'vitest';
import { exifTexts } from '../src/graph/exif';

/** A TIFF directory of texts, as EXIF holds it; `isLittle` says its byte order. */
function exif(texts: string[], isLittle: boolean): Buffer {
  const u16 = (value: number): Buffer => Buffer.from(isLittle ? [value & 255, value >> 8] : [value >> 8, value & 255]);
  const u32 = (value: number): Buffer => Buffer.concat(isLittle ? [u16(value & 65535), u16(value >> 16)] : [u16(value >> 16), u16(value & 65535)]);
  const bodies = texts.map((text) => Buffer.from(`${text}\0`));
  let at = 8 + 2 + 12 * (texts.length + 1) + 4;
  const tags = bodies.map((body, index) => {
    const tag = Buffer.concat([u16(0x10e + index), u16(2), u32(body.length), body.length > 4 ? u32(at) : Buffer.concat([body, Buffer.alloc(4)]).subarray(0, 4)]);
    at += body.length;
    return tag;
  });
  const number = Buffer.concat([u16(0x112), u16(3), u32(1), u32(1)]);
  return Buffer.concat([Buffer.from(isLittle ? 'II' : 'MM'), u16(42), u32(8), u16(texts.length + 1), ...tags, number, u32(0), ...bodies]);
}

function webp(block: Buffer): Buffer {
  const riff = (kind: string, body: Buffer): Buffer => {
    const length = Buffer.alloc(4);
    length.writeUInt32LE(body.length);
    return Buffer.concat([Buffer.from(kind), length, body, Buffer.alloc(body.length % 2)]);
  };
  return riff('RIFF', Buffer.concat([Buffer.from('WEBP'), riff('VP8 ', Buffer.alloc(5)), riff('EXIF', block)]));
}

function jpeg(block: Buffer): Buffer {
  const segment = (marker: number, body: Buffer): Buffer => Buffer.concat([Buffer.from([255, marker, (body.length + 2) >> 8, (body.length + 2) & 255]), body]);
  return Buffer.concat([Buffer.from([255, 0xd8]), segment(0xe0, Buffer.from('JFIF\0')), segment(0xe1, Buffer.concat([Buffer.from('Exif\0\0'), block])), segment(0xda, Buffer.alloc(9))]);
}

/** A TIFF directory that leads to another with the user's comment, in UTF-16 behind the mark of its encoding. */
function commented(text: string, encoding: 'utf16le' | 'utf16be' | 'ascii'): Buffer {
  const body = encoding === 'ascii' ? Buffer.from(text) : Buffer.from(text, 'utf16le');
  const value = Buffer.concat([Buffer.from(encoding === 'ascii' ? 'ASCII\0\0\0' : 'UNICODE\0'), encoding === 'utf16be' ? body.swap16() : body]);
  const directory = (tag: number, type: number, count: number, at: number): Buffer => {
    const bytes = Buffer.alloc(18);
    bytes.writeUInt16LE(1, 0);
    bytes.writeUInt16LE(tag, 2);
    bytes.writeUInt16LE(type, 4);
    bytes.writeUInt32LE(count, 6);
    bytes.writeUInt32LE(at, 10);
    return bytes;
  };
  const head = Buffer.from([0x49, 0x49, 42, 0, 8, 0, 0, 0]);
  return Buffer.concat([head, directory(0x8769, 4, 1, 26), directory(0x9286, 7, value.length, 44), value]);
}

describe('EXIF text', () => {
  it.each(['utf16le', 'utf16be', 'ascii'] as const)('holds the comment of other tools in %s', (encoding) => {
    const text = 'a fox\nSteps: 20, Sampler: Euler';
    expect(exifTexts(jpeg(commented(text, encoding)))).toEqual({ UserComment: text });
    expect(exifTexts(webp(commented(text, encoding)))).toEqual({ UserComment: text });
  });

  it('of a directory that says it has no end is read in part only', () => {
    const endless = Buffer.alloc(70_000);
    endless.write('II*\0');
    endless.writeUInt32LE(8, 4);
    endless.writeUInt16LE(65_535, 8);
    expect(exifTexts(webp(endless))).toEqual({});
  });

  it.each([true, false])('is read from WebP and JPEG files of both byte orders (little: %s)', (isLittle) => {
    const block = exif(['workflow:{"é":2}', 'prompt:{"a":"b:c"}', 'a:b', 'no colon'], isLittle);
    const texts = { workflow: '{"é":2}', prompt: '{"a":"b:c"}', a: 'b' };
    expect(exifTexts(webp(block))).toMatchObject(texts);
    expect(exifTexts(jpeg(block))).toMatchObject(texts);
  });

  it('gives nothing for other files, without EXIF and at damage', () => {
    const block = exif(['workflow:{}'], true);
    const cut = Buffer.from(block);
    cut.writeUInt32LE(60_000, 4);
    for (const file of [Buffer.from('hello'), Buffer.alloc(0), webp(cut), jpeg(cut), webp(block.subarray(0, 6)), jpeg(block).subarray(0, 20), webp(block).subarray(0, 18)]) {
      expect(exifTexts(file)).toEqual({});
    }
  });
});
