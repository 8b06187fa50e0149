import { describe, expect, it } from 'vitest';
import { decodeText, pictureTexts, readDocument } from '../src/graph/readFile';

const utf16 = (text: string): Uint8Array => Buffer.from(text, 'utf16le');
const swapped = (bytes: Uint8Array): Uint8Array => Buffer.from(bytes).swap16();

describe('text of a file', () => {
  it.each([
    ['UTF-8', Buffer.from('{"é":1}')],
    ['UTF-8 with a mark', Buffer.from('\ufeff{"é":1}')],
    ['UTF-16, little end first', utf16('{"é":1}')],
    ['UTF-16, little end first, with a mark', utf16('\ufeff{"é":1}')],
    ['UTF-16, big end first', swapped(utf16('{"é":1}'))],
    ['UTF-16, big end first, with a mark', swapped(utf16('\ufeff{"é":1}'))],
  ])('is read in %s', (_name, bytes) => {
    expect(decodeText(bytes)).toBe('{"é":1}');
  });
});

describe('a document', () => {
  it('is read with the numbers that JSON lacks as nothing, told once', () => {
    const { document, findings } = readDocument('{"a": [NaN, -Infinity, "NaN \\" Infinity"]}');
    expect(document).toEqual({ a: [null, null, 'NaN " Infinity'] });
    expect(findings).toEqual([{ code: 'no_number', node: null, subject: '2' }]);
    expect(readDocument('{"a": "NaN"}').findings).toEqual([]);
  });

  it('is refused where it is empty, cut off or nested too deeply', () => {
    expect(() => readDocument(' \n')).toThrow('empty');
    expect(() => readDocument('{"nodes": [')).toThrow(SyntaxError);
    expect(() => readDocument('{"a": [NaN')).toThrow(SyntaxError);
    expect(() => readDocument('['.repeat(100_000) + ']'.repeat(100_000))).toThrow('too_deep');
    expect(readDocument(JSON.stringify({ a: '['.repeat(1000) })).document).toHaveProperty('a');
  });

  it('may hold a string of many megabytes', () => {
    const text = `{"picture": "${'x'.repeat(20_000_000)}\\n"}`;
    expect(readDocument(text).document).toHaveProperty('picture.length', 20_000_001);
  });
});

describe('texts of a picture', () => {
  it('are none where it carries none, and undefined for other files', async () => {
    expect(await pictureTexts(Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]))).toEqual({});
    expect(await pictureTexts(Buffer.from([255, 216, 255, 217]))).toEqual({});
    expect(await pictureTexts(Buffer.from('{}'))).toBeUndefined();
    expect(await pictureTexts(new Uint8Array())).toBeUndefined();
  });
});
