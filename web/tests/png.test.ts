import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { pngTexts } from '../src/graph/png';

function chunk(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length);
  head.write(type, 4, 'latin1');
  return Buffer.concat([head, body, Buffer.alloc(4)]);
}

const SIGNATURE = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
const png = (...chunks: Buffer[]): Buffer => Buffer.concat([SIGNATURE, chunk('IHDR', Buffer.alloc(13)), ...chunks, chunk('IDAT', deflateSync(Buffer.alloc(4)))]);
const plain = (keyword: string, text: string): Buffer => chunk('tEXt', Buffer.from(`${keyword}\0${text}`, 'latin1'));
const packed = (keyword: string, body: Buffer): Buffer => chunk('zTXt', Buffer.concat([Buffer.from(`${keyword}\0\0`), body]));
const international = (keyword: string, body: Buffer, isCompressed: boolean): Buffer =>
  chunk('iTXt', Buffer.concat([Buffer.from(`${keyword}\0`), Buffer.from([isCompressed ? 1 : 0, 0]), Buffer.from('de\0Graph\0'), body]));

describe('PNG text', () => {
  it('is read where it is plain or international', async () => {
    expect(await pngTexts(png(plain('prompt', '{"a":1}'), international('workflow', Buffer.from('{"é":2}'), false)))).toEqual({ prompt: '{"a":1}', workflow: '{"é":2}' });
  });

  it('is read where it is compressed, each kind in its encoding', async () => {
    const latin = deflateSync(Buffer.from('{"é":1}', 'latin1'));
    const utf8 = deflateSync(Buffer.from('{"ö€":2}'));
    expect(await pngTexts(png(packed('parameters', latin), international('workflow', utf8, true)))).toEqual({ parameters: '{"é":1}', workflow: '{"ö€":2}' });
  });

  it('is left out where it is damaged, and the others are read', async () => {
    const cut = deflateSync(Buffer.from('x'.repeat(5000))).subarray(0, 12);
    const file = png(packed('a', Buffer.from('no such thing')), packed('b', cut), chunk('tEXt', Buffer.from('no end')), chunk('iTXt', Buffer.from('c\0\0\0de')), plain('d', 'here'));
    expect(await pngTexts(file)).toEqual({ d: 'here' });
  });

  it('is none in other files, and ends where the file is cut off', async () => {
    expect(await pngTexts(Buffer.from('hello'))).toEqual({});
    expect(await pngTexts(Buffer.concat([SIGNATURE, plain('a', 'b').subarray(0, 10)]))).toEqual({});
  });

  it('is refused where few bytes stand for more than any workflow, one text or all together', async () => {
    const half = deflateSync(Buffer.alloc(17 * 2 ** 20, 32));
    await expect(pngTexts(png(packed('workflow', deflateSync(Buffer.alloc(33 * 2 ** 20, 32)))))).rejects.toThrow('too_large: 32');
    await expect(pngTexts(png(packed('a', half), packed('b', half)))).rejects.toThrow('too_large: 32');
    expect(Object.keys(await pngTexts(png(packed('a', half))))).toEqual(['a']);
  });
});
