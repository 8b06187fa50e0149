/** Which model files the server holds in memory, of what it says of each network. */

/** A network, as the server tells of it. */
export interface Network {
  file: string;
  part: string;
  /** Of its weights, what is on the device now, and all of them. */
  size_bytes: number;
  total_bytes: number;
}

/** A file of which something is in memory. */
export interface LoadedFile {
  name: string;
  parts: readonly string[];
  bytes: number;
  /** More than `bytes` where it does not fit: the rest is brought in by turns. */
  totalBytes: number;
}

/** A file's name as people say it. */
export function shortName(file: string): string {
  return file.replace(/\.(safetensors|sft|gguf|ckpt|pt|pth|bin)$/i, '');
}

/** The files in memory: those that draw first, then the largest. */
export function filesInMemory(networks: readonly Network[]): LoadedFile[] {
  const files = new Map<string, LoadedFile>();
  for (const { file, part, size_bytes, total_bytes } of networks) {
    const held = files.get(file) ?? { name: file, parts: [], bytes: 0, totalBytes: 0 };
    const parts = held.parts.includes(part) ? held.parts : [...held.parts, part];
    files.set(file, { ...held, parts, bytes: held.bytes + size_bytes, totalBytes: held.totalBytes + total_bytes });
  }
  const draws = ({ parts }: LoadedFile): number => Number(parts.includes('mmdit'));
  return [...files.values()].sort((a, b) => draws(b) - draws(a) || b.totalBytes - a.totalBytes);
}
