/** What the server refuses, in the user's words and with the names of the cards. */
import { describe, expect, it } from 'vitest';
import type { Json } from '../src/graph/json';
import { parseWorkflow } from '../src/graph/parseApi';
import { byNode } from '../src/graph/problems';
import { complains, problemsOfReply } from '../src/graph/reply';
import { readSchema } from '../src/graph/schema';
import { DE_PROBLEMS } from '../src/text/de_problems';
import { EN_PROBLEMS } from '../src/text/en_problems';

const schema = readSchema({
  Loader: { display_name: 'Load model', input: { required: { ckpt_name: [['a.safetensors', 'b.safetensors'], {}] } }, output: ['MODEL'], output_name: ['MODEL'] },
  Sampler: {
    display_name: 'Sampler', output: ['LATENT'], output_name: ['LATENT'],
    input: { required: { model: ['MODEL'], steps: ['INT', { default: 20, min: 1, max: 100 }], cfg: ['FLOAT', { default: 4.5, min: 0, step: 0.1 }], sampler_name: [['euler'], {}] } },
  },
}, { titles: {}, labels: { ckpt_name: 'file', sampler_name: 'sampler' }, categories: {} });
const { graph } = parseWorkflow({
  1: { class_type: 'Loader', inputs: { ckpt_name: 'c.safetensors' } }, 2: { class_type: 'Sampler', inputs: { steps: 0 } }, 3: { class_type: 'Samplr', inputs: {} },
}, schema);

function refused(node: string, type: string, extra_info: object, details = ''): Json {
  return { error: { type: 'prompt_outputs_failed_validation' }, node_errors: { [node]: { errors: [{ type, message: 'English', details, extra_info }] } } } as never;
}

function english(reply: Json) {
  return problemsOfReply(reply, graph, schema, EN_PROBLEMS)[0];
}

function german(reply: Json) {
  return problemsOfReply(reply, graph, schema, DE_PROBLEMS)[0];
}

const MISSING = refused('1', 'value_not_in_list', {
  code: 'missing_model', input_name: 'ckpt_name', received_value: 'c.safetensors', suggestions: ['b.safetensors'],
  facts: { folder: 'models/checkpoints', command: 'sd35graph models pull c', repository: 'r/c', path: 'c.safetensors', gated: true },
}, 'Loader (node 1): input "ckpt_name" names …');

describe('what the server refuses', () => {
  it('is told with the name the card shows, what to do, and the server’s own words beside it', () => {
    expect(english(MISSING)).toMatchObject({
      node: '1', input: 'ckpt_name', code: 'missing_model', message: '“file”: the file “c.safetensors” is not in models/checkpoints.',
      todo: 'Run `sd35graph models pull c`, or get c.safetensors from r/c on Hugging Face (after accepting its licence there) and put it into models/checkpoints.',
      detail: 'Loader (node 1): input "ckpt_name" names …', fix: { node: '1', input: 'ckpt_name', value: 'b.safetensors' }, command: 'sd35graph models pull c',
    });
    expect(german(MISSING)?.message).toBe('„file“: Die Datei „c.safetensors“ ist nicht in models/checkpoints.');
  });

  it.each([
    ['out_of_range', { facts: { min: 1, max: 100 }, input_name: 'steps', received_value: 0 }, '“steps” must be from 1 to 100, but is 0.'],
    ['out_of_range', { facts: { min: 0, max: null }, input_name: 'cfg', received_value: -1 }, '“cfg” must be at least 0.00, but is -1.00.'],
    ['not_in_list', { input_name: 'sampler_name', received_value: 'eulr', suggestions: ['euler'] }, '“sampler” has no choice “eulr”.'],
    ['missing_input', { input_name: 'model', expected: 'MODEL', suggestions: ['Loader'] }, '“model” is not linked.'],
    ['missing_input', { input_name: 'steps', expected: 'INT' }, '“steps” has no value.'],
    ['wrong_type', { input_name: 'steps', received_value: 'many' }, '“steps” needs a whole number, but holds “many”.'],
    ['wrong_type', { input_name: 'model', expected: 'MODEL', received_type: 'LATENT', linked_node: ['2', 0] }, '“model” needs MODEL, but Sampler (node 2) gives LATENT.'],
    ['dangling_link', { input_name: 'model', expected: 'MODEL', linked_node: ['99', 0] }, '“model” is linked to a node that is not there: node 99.'],
    ['output_out_of_range', { input_name: 'model', linked_node: ['1', 7] }, '“model” is linked to an output that Load model (node 1) does not have.'],
    ['missing_file', { input_name: 'sampler_name', received_value: 'a.png', facts: { source: 'input' } }, '“sampler”: the file “a.png” is not in the input folder.'],
    ['cycle', { facts: { path: ['1', '2', '1'] } }, 'It needs its own result: Load model (node 1) → Sampler (node 2) → Load model (node 1).'],
  ])('%s is a sentence in every language', (code, extra, message) => {
    expect(english(refused('2', 'some_type', { code, ...extra }))?.message).toBe(message);
    const [said] = [german(refused('2', 'some_type', { code, ...extra }))];
    expect(said?.message).not.toBe(message);
    expect(said?.message).not.toContain('English');
  });

  it('names nodes that give what is missing as the palette does', () => {
    expect(english(refused('2', 'required_input_missing', { code: 'missing_input', input_name: 'model', expected: 'MODEL', suggestions: ['Loader'] })))
      .toMatchObject({ todo: 'Link it to an output of type MODEL, such as that of “Load model”.', sources: ['Loader'] });
  });

  it('is understood of servers that give no code', () => {
    expect(english(refused('2', 'required_input_missing', { input_name: 'model' }, 'model'))).toMatchObject({ message: '“model” is not linked.', detail: '' });
  });

  it('stays in the server’s words where there are no others, with the card’s name of the input', () => {
    const details = 'Loader (node 1): input "ckpt_name" is odd; choose another.';
    expect(english(refused('1', 'custom', { code: 'invalid_value', input_name: 'ckpt_name' }, details))).toMatchObject({ message: '“file” is odd.', todo: 'Choose another.', detail: details });
    expect(english(refused('1', 'custom', { code: 'invalid_value' }))?.message).toBe('English');
  });

  it('is found by the node it is about', () => {
    const found = english(MISSING);
    expect(byNode(found ? [found, { ...found, node: null }] : [])).toEqual({ 1: [found] });
  });

  it('leaves a node that nobody knows to be seen as long as it is there', () => {
    expect(problemsOfReply(refused('3', 'invalid_prompt', { code: 'unknown_node' }), graph, schema, EN_PROBLEMS)).toEqual([]);
  });

  it('may be the whole workflow', () => {
    const empty = { error: { type: 'prompt_no_outputs', message: 'Prompt has no outputs', details: 'English sentence' }, node_errors: {} };
    expect(german(empty)).toMatchObject({ node: null, message: DE_PROBLEMS.refusals.no_output.what, detail: 'English sentence' });
    expect(english({ error: { type: 'invalid_prompt', message: 'No such node.', details: "Node ID '#1'" }, node_errors: {} })).toMatchObject({ node: '1', message: 'No such node.' });
    expect(english({ error: 'plain' })?.message).toBe('plain');
    expect([complains(empty), complains({ prompt_id: 'a', node_errors: {} })]).toEqual([true, false]);
  });
});
