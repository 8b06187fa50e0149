import { describe, expect, it } from 'vitest';
import { filesInMemory, shortName } from '../src/graph/memory';

const network = (file: string, part: string, size: number, total = size) => ({ file, part, size_bytes: size, total_bytes: total });

describe('models in memory', () => {
  it('puts the networks of a file together, and the file that draws first', () => {
    const files = filesInMemory([network('t5.gguf', 't5xxl', 90), network('all.safetensors', 'vae', 1), network('all.safetensors', 'mmdit', 20, 80), network('l.pt', 'clip_l', 3)]);
    expect(files.map(({ name }) => name)).toEqual(['all.safetensors', 't5.gguf', 'l.pt']);
    expect(files[0]).toEqual({ name: 'all.safetensors', parts: ['vae', 'mmdit'], bytes: 21, totalBytes: 81 });
  });

  it('counts a network that is there twice, as with and without a LoRA, but names its part once', () => {
    const [file] = filesInMemory([network('m.safetensors', 'mmdit', 5), network('m.safetensors', 'mmdit', 5)]);
    expect(file).toMatchObject({ parts: ['mmdit'], bytes: 10 });
  });

  it('leaves out what every such name ends with', () => {
    expect(['sd3.5_large.safetensors', 'q4.GGUF', 'folder'].map(shortName)).toEqual(['sd3.5_large', 'q4', 'folder']);
  });
});
