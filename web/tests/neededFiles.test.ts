import { describe, expect, it } from 'vitest';
import { commandFor, neededFiles, pageOf } from '../src/graph/neededFiles';
import { readSchema } from '../src/graph/schema';

const SERVER = readSchema({
  CheckpointLoaderSimple: { input: { required: { ckpt_name: [['a.safetensors']] } }, output: ['MODEL'] },
  LoadImage: { input: { required: { image: [['a.png'], { image_upload: true }] } }, output: ['IMAGE'] },
});

describe('files a workflow needs', () => {
  it('are named once, with their folder and whether they are here', () => {
    const load = (name: string) => ({ class_type: 'CheckpointLoaderSimple', inputs: { ckpt_name: name } });
    const document = { 1: load('a.safetensors'), 2: load('b.safetensors'), 3: load('b.safetensors'), 4: { class_type: 'LoadImage', inputs: { image: 'x.png' } }, 5: { class_type: 'Other', inputs: {} } };
    expect(neededFiles(document, SERVER)).toEqual([
      { name: 'a.safetensors', folder: 'models/checkpoints', isHere: true }, { name: 'b.safetensors', folder: 'models/checkpoints', isHere: false },
    ]);
  });

  it('that are published have a page and a command', () => {
    expect(pageOf({ name: 'sd3.5_large_turbo.safetensors' })).toBe('https://huggingface.co/stabilityai/stable-diffusion-3.5-large-turbo');
    expect(pageOf({ name: 'clip_g.safetensors' })).toMatch(/3\.5-large$/);
    expect(pageOf({ name: 'mine.safetensors' })).toBeUndefined();
    expect(commandFor({ name: 'clip_g.safetensors' })).toBe('sd35graph models pull clip_g.safetensors');
    expect(commandFor({ name: 'sd3.5_large_turbo.safetensors' })).toBe('sd35graph models pull sd3.5-large-turbo');
  });
});
