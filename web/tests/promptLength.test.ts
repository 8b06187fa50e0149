import { describe, expect, it } from 'vitest';
import { lengthLine, promptQuestion, type PromptLength } from '../src/graph/promptLength';
import { readSchema } from '../src/graph/schema';
import { EN_RUN } from '../src/text/en_run';

const schema = readSchema({
  Load: { input: { required: { file: [['a']] } }, output: ['CLIP'] },
  Patch: { input: { required: { clip: ['CLIP'], amount: ['FLOAT'] } }, output: ['CLIP'] },
  Text: { input: { required: { clip: ['CLIP'], text: ['STRING', { multiline: true }] } }, output: ['CONDITIONING'] },
  Note: { input: { required: { text: ['STRING', { multiline: true }] } } },
});
const loader = { class_type: 'Load', inputs: { file: 'a' } };

describe('what is asked about a prompt', () => {
  it('is put to the node that loads the encoders, through those that change them', () => {
    const prompt = {
      1: loader, 2: { class_type: 'Patch', inputs: { clip: ['1', 0] as [string, number], amount: 1 } },
      3: { class_type: 'Text', inputs: { clip: ['2', 0] as [string, number], text: 'a fox' } },
    };
    expect(promptQuestion(prompt, schema, '3', 'text')).toEqual({ text: 'a fox', loader });
  });

  it('is nothing for a text that no encoder reads, or that is linked', () => {
    const linked: [string, number] = ['9', 0];
    const prompt = {
      1: loader, 2: { class_type: 'Note', inputs: { text: 'a' } }, 3: { class_type: 'Text', inputs: { text: 'a' } },
      4: { class_type: 'Text', inputs: { text: linked, clip: ['1', 0] as [string, number] } },
      5: { class_type: 'Text', inputs: { text: 'a', clip: linked } },
      6: { class_type: 'Patch', inputs: { clip: ['6', 0] as [string, number] } },
      7: { class_type: 'Text', inputs: { text: 'a', clip: ['6', 0] as [string, number] } },
    };
    for (const id of ['2', '3', '4', '5', '7', '8']) expect(promptQuestion(prompt, schema, id, 'text')).toBeUndefined();
  });
});

const clip = (encoder: string, tokens: number, sections = 1): PromptLength['encoders'][number] => ({ encoder, tokens, limit: 75, sections });
const t5 = (tokens: number): PromptLength['encoders'][number] => ({ encoder: 't5xxl', tokens, limit: 255, sections: 1 });
const line = (input: string, ...encoders: PromptLength['encoders'][number][]): string => {
  const { text, isFull } = lengthLine({ encoders, problems: [] }, input, EN_RUN.promptLength);
  return text + (isFull ? '!' : '');
};

describe('the line below a prompt', () => {
  it('names both CLIP encoders once where they count the same', () => {
    expect(line('text', clip('clip_l', 23), clip('clip_g', 23), t5(31))).toBe('CLIP 23 of 75 · T5 31');
    expect(line('text', clip('clip_l', 28), clip('clip_g', 23))).toBe('CLIP-L 28 of 75 · CLIP-G 23 of 75');
    expect(line('text', clip('clip_g', 23))).toBe('CLIP-G 23 of 75');
  });

  it('warns once an encoder has no room for more', () => {
    expect(line('text', clip('clip_l', 75))).toBe('CLIP-L 75 of 75!');
    expect(line('text', clip('clip_l', 76, 2), clip('clip_g', 76, 2), t5(90))).toBe('CLIP 76 in 2 parts · T5 90!');
    expect(line('text', t5(255))).toBe('T5 255');
    expect(line('text', t5(256))).toBe('T5 256, trained with 255!');
  });

  it('shows of a text for one encoder only that one', () => {
    expect(line('clip_g', clip('clip_l', 3), clip('clip_g', 3), t5(4))).toBe('CLIP-G 3 of 75');
    expect(line('t5xxl', clip('clip_l', 3))).toBe('');
    expect(line('text', { encoder: 'other', tokens: 1, limit: 2, sections: 1 })).toBe('other 1 of 2');
  });
});
