/** Compressed bytes read again: never more than is asked for, since a few bytes can stand for gigabytes. */

/** The next part. Browsers throw TypeError where the bytes are damaged, other programs whatever they like. */
async function next(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<ReadableStreamReadResult<Uint8Array>> {
  try {
    return await reader.read();
  } catch (cause) {
    throw new TypeError('The compressed bytes are damaged.', { cause });
  }
}

/** All a stream gives; undefined where that is more than `most` bytes. Throws TypeError where it is damaged. */
export async function readAtMost(stream: ReadableStream<Uint8Array>, most: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  const reader = stream.getReader();
  for (let part = await next(reader); !part.done; part = await next(reader)) {
    length += part.value.length;
    if (length > most) {
      await reader.cancel();
      return undefined;
    }
    parts.push(new Uint8Array(part.value));
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

/** What was compressed, in the form of zlib (RFC 1950) unless another is named; undefined and errors as of {@link readAtMost}. */
export function inflate(bytes: Uint8Array<ArrayBuffer>, most: number, format: CompressionFormat = 'deflate'): Promise<Uint8Array<ArrayBuffer> | undefined> {
  return readAtMost(new Blob([bytes]).stream().pipeThrough(new DecompressionStream(format)), most);
}
