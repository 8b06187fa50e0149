/** What is asked of the server stays with its document, whichever is shown when the answer comes. */
import { describe, expect, it, vi } from 'vitest';
import { later, serve, type Asked } from './page';
import { EMPTY_GRAPH, type Graph } from '../src/graph/model';
import { addNode, removeNodes, setValue } from '../src/graph/edit';
import { readSchema } from '../src/graph/schema';
import { closeDocument } from '../src/state/closing';
import { addDocument, documentOf, freshDocument, removeDocument, switchDocument } from '../src/state/documents';
import { beginGesture, commit, editValue, endGesture, SELECTED } from '../src/state/edits';
import { pasteFrom } from '../src/state/pasting';
import { runWorkflow } from '../src/state/run';
import { saveDocument } from '../src/state/saving';
import { getState, isDirty, setState } from '../src/state/store';
import { placePicture, uploadInto } from '../src/state/upload';

const SCHEMA = readSchema({
  Say: { input: { required: { text: ['STRING', {}], seed: ['INT', { default: 0, min: 0, max: 99, control_after_generate: true }] } }, output: [], output_node: true },
  LoadImage: { input: { required: { image: [['old.png'], { image_upload: true }] } }, output: ['IMAGE'] },
});
const spec = SCHEMA['Say'] ?? expect.fail();
const loader = SCHEMA['LoadImage'] ?? expect.fail();

const saying = (words: string): Graph => setValue(addNode(EMPTY_GRAPH, spec, { x: 0, y: 0 }).graph, '1', 'text', words);
const textOf = (id: string): unknown => documentOf(getState(), id)?.graph.nodes['1']?.values['text'];
const reply = (body: object, status = 200, headers = {}): Response => new Response(JSON.stringify(body), { status, headers });
const isPut = ({ method }: Asked): boolean => method === 'PUT';
const isPrompt = ({ path }: Asked): boolean => path === '/api/prompt';
const settled = (condition: () => boolean): Promise<void> => vi.waitFor(() => expect(condition()).toBe(true));
const answer = (value: string): void => getState().question?.answer(value, '');

/** Two documents, `a` shown. */
function two(): { a: string; b: string } {
  for (const id of getState().tabs) removeDocument(id);
  setState({ schema: SCHEMA, schemaState: 'ready', copies: 1, question: null, note: null, jobs: [] });
  const a = addDocument({ ...freshDocument(saying('of a'), 'a'), file: { name: 'a', etag: '"1"' } });
  const b = addDocument({ ...freshDocument(saying('of b'), 'b'), file: { name: 'b', etag: '"1"' } });
  switchDocument(a);
  return { a, b };
}

/** `a` is being saved while `b` is shown, and the server holds something else: the question is asked, the next save will do. */
async function conflictWhileAway(): Promise<{ a: string; b: string; asked: Asked[]; saved: Promise<boolean> }> {
  const { a, b } = two();
  const first = later<Response>();
  const asked = serve((each) => (isPut(each) ? (asked.filter(isPut).length === 1 ? first.promise : reply({}, 200, { ETag: '"3"' })) : reply([])));
  const saved = saveDocument();
  switchDocument(b);
  first.give(reply({}, 412));
  await settled(() => getState().question !== null);
  return { a, b, asked, saved };
}

describe('saving', () => {
  it('replaces a file with the document it was asked for, not with the one shown since', async () => {
    const { a, asked, saved } = await conflictWhileAway();
    answer('replace');
    expect(await saved).toBe(true);
    expect(asked.filter(isPut).map(({ body }) => body.includes('of a'))).toEqual([true, true]);
    expect(documentOf(getState(), a)?.file).toEqual({ name: 'a', etag: '"3"' });
    expect(getState().file).toEqual({ name: 'b', etag: '"1"' });
  });

  it('gives another name to that document only', async () => {
    const { a, b, asked, saved } = await conflictWhileAway();
    answer('as');
    await settled(() => getState().question?.field !== undefined);
    expect(getState().question?.field?.initial).toBe('a');
    getState().question?.answer('done', 'other');
    expect(await saved).toBe(true);
    expect(asked.filter(isPut).at(-1)).toMatchObject({ path: '/v1/workflows/other' });
    expect(asked.filter(isPut).at(-1)?.body).toContain('of a');
    expect([documentOf(getState(), a)?.name, documentOf(getState(), b)?.name]).toEqual(['other', 'b']);
  });

  it('keeps a document open that was edited while it was saved to be closed', async () => {
    const { a } = two();
    editValue('1', 'text', 'changed');
    const put = later<Response>();
    const asked = serve((each) => (isPut(each) ? put.promise : reply([])));
    const closed = closeDocument(a);
    answer('save');
    await settled(() => asked.some(isPut));
    editValue('1', 'text', 'and more');
    put.give(reply({}, 200, { ETag: '"2"' }));
    await closed;
    expect(textOf(a)).toBe('and more');
    const held = documentOf(getState(), a) ?? expect.fail();
    expect(isDirty(held)).toBe(true);
  });
});

describe('running', () => {
  const words = (asked: readonly Asked[]): unknown[] => asked.filter(isPrompt).map(({ body }) => /"text":\s*"([^"]*)"/.exec(body)?.[1]);

  it('goes on with the document it was pressed in', async () => {
    const { b } = two();
    setState({ copies: 3 });
    const first = later<Response>();
    const asked = serve((each) => (isPrompt(each) ? (asked.filter(isPrompt).length === 1 ? first.promise : reply({})) : reply({})));
    const run = runWorkflow();
    await settled(() => asked.some(isPrompt));
    switchDocument(b);
    setState({ copies: 1 });
    first.give(reply({}));
    await run;
    expect(words(asked)).toEqual(['of a', 'of a', 'of a']);
  });

  it('ends with its document', async () => {
    const { a } = two();
    setState({ copies: 3 });
    const first = later<Response>();
    const asked = serve((each) => (isPrompt(each) ? first.promise : reply({})));
    const run = runWorkflow();
    await settled(() => asked.some(isPrompt));
    removeDocument(a);
    first.give(reply({}));
    await run;
    expect(words(asked)).toEqual(['of a']);
  });

  it('says what was refused where the document is no longer shown', async () => {
    const { b } = two();
    const first = later<Response>();
    const asked = serve((each) => (isPrompt(each) ? first.promise : reply({})));
    const run = runWorkflow();
    await settled(() => asked.some(isPrompt));
    switchDocument(b);
    first.give(reply({ error: { message: 'no' } }, 400));
    await run;
    expect(getState().note?.text).toContain('“a”');
  });

  it('makes no step of a field that has the focus, and takes nothing from those to be done again', async () => {
    two();
    serve(() => reply({}));
    commit(setValue(getState().graph, '1', 'text', 'step'));
    const { graph, history } = getState();
    setState({ graph: { ...graph, nodes: { 1: { ...(graph.nodes['1'] ?? expect.fail()), controls: { seed: 'increment' } } } } });
    const future = { ...history, future: [graph] };
    setState({ history: future });
    const run = runWorkflow();
    beginGesture(); // the focus comes back to the field
    await run;
    expect(getState().graph.nodes['1']?.values['seed']).toBe(1);
    endGesture();
    expect(getState().history).toEqual(future);
  });
});

describe('uploading', () => {
  const file = new File(['x'], 'new.png', { type: 'image/png' });
  const loading = (): Graph => addNode(EMPTY_GRAPH, loader, { x: 0, y: 0 }).graph;

  it('changes no card of a document that was opened since, and says so', async () => {
    const { b } = two();
    setState({ graph: loading() });
    const sent = later<Response>();
    serve(() => sent.promise.then((answered) => answered.clone())); // what an earlier test still asks for is answered too
    const done = uploadInto('1', 'image', file);
    switchDocument(b);
    setState({ graph: loading() });
    sent.give(reply({ name: 'new.png', subfolder: '', type: 'input' }));
    expect(await done).toBe(false);
    expect(getState().graph.nodes['1']?.values['image']).toBe('old.png');
    expect(getState().note).toMatchObject({ bad: true, text: expect.stringContaining('“new.png”') as string });
  });

  /** Two cards that load pictures, both selected. */
  const selectTwo = (): void => {
    two();
    const { graph } = addNode(loading(), loader, { x: 0, y: 900 });
    setState({ graph, selection: new Set(['1', '2']) });
  };
  const chosen = (): unknown[] => ['1', '2', '3'].map((id) => getState().graph.nodes[id]?.values['image']);

  it('goes to the cards that were selected when it began, as one step', async () => {
    selectTwo();
    const sent = later<Response>();
    serve(() => sent.promise);
    const done = uploadInto(SELECTED, 'image', file);
    const { graph } = addNode(getState().graph, loader, { x: 900, y: 0 });
    setState({ graph, selection: new Set(['3']) });
    const steps = getState().history.past.length;
    sent.give(reply({ name: 'new.png', subfolder: '', type: 'input' }));
    expect(await done).toBe(true);
    expect(chosen()).toEqual(['new.png', 'new.png', 'old.png']);
    expect(getState().history.past).toHaveLength(steps + 1);
    const { widget } = getState().schema['LoadImage']?.inputs[0] ?? expect.fail();
    expect(widget).toMatchObject({ options: ['old.png', 'new.png'] });
  });

  it('goes to those of them that are still there, and says where none is', async () => {
    selectTwo();
    const sent = later<Response>();
    serve(async () => (await sent.promise).clone());
    const [some, none] = [uploadInto(SELECTED, 'image', file), uploadInto('2', 'image', file)];
    setState({ graph: removeNodes(getState().graph, new Set(['2'])) });
    sent.give(reply({ name: 'new.png', subfolder: '', type: 'input' }));
    expect([await some, await none]).toEqual([true, false]);
    expect(chosen()).toEqual(['new.png', undefined, undefined]);
    expect(getState().note).toMatchObject({ bad: true, text: expect.stringContaining('“new.png”') as string });
  });

  it('fills the one selected card that loads pictures where one is pasted', async () => {
    selectTwo();
    setState({ selection: new Set(['2']), simple: false });
    serve(() => reply({ name: 'new.png', subfolder: '', type: 'input' }));
    expect(pasteFrom({ files: [file], getData: () => '' } as unknown as DataTransfer)).toBe(true);
    await settled(() => chosen()[1] === 'new.png');
    expect(Object.keys(getState().graph.nodes)).toEqual(['1', '2']);
  });

  it('adds a card with its picture as one step, which leaves what is done meanwhile alone', async () => {
    two();
    const sent = later<Response>();
    serve(() => sent.promise.then((answered) => answered.clone())); // what an earlier test still asks for is answered too
    const placed = placePicture(file, { x: 0, y: 0 });
    editValue('1', 'text', 'meanwhile');
    const steps = getState().history.past.length;
    sent.give(reply({ name: 'new.png', subfolder: '', type: 'input' }));
    expect(await placed).toBe(true);
    expect(getState().graph.nodes['2']?.values['image']).toBe('new.png');
    expect(getState().history.past).toHaveLength(steps + 1);
    expect(getState().gesture).toBeNull();
  });
});
