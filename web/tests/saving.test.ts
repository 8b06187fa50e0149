/** Saves of one document follow each other, and what was saved is not taken for somebody else's. */
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { later, serve, type Asked } from './page';
import { addNode, setValue } from '../src/graph/edit';
import { reportOf } from '../src/graph/levels';
import { EMPTY_GRAPH, type Graph } from '../src/graph/model';
import { readSchema } from '../src/graph/schema';
import { addDocument, documentOf, freshDocument, removeDocument } from '../src/state/documents';
import { editValue, redoStep, undoStep } from '../src/state/edits';
import { moveInto, removeSaved, restoreVersion } from '../src/state/library';
import { saveDocument } from '../src/state/saving';
import { getState, setState } from '../src/state/store';

const SCHEMA = readSchema({ Say: { input: { required: { text: ['STRING', {}] } }, output: [], output_node: true } });
const spec = SCHEMA['Say'] ?? expect.fail();

const saying = (words: string): Graph => setValue(addNode(EMPTY_GRAPH, spec, { x: 0, y: 0 }).graph, '1', 'text', words);
const reply = (body: unknown, status = 200, headers = {}): Response => new Response(JSON.stringify(body), { status, headers });
const isPut = ({ method }: Asked): boolean => method === 'PUT';
const settled = (condition: () => boolean): Promise<void> => vi.waitFor(() => expect(condition()).toBe(true));
const entry = (name: string): object => ({ name, title: name, is_example: false, etag: '"1"', modified_ms: 1 });

/** One open document, saved on the server as it is now, or nowhere yet. */
function one(file: { name: string; etag: string } | null = { name: 'a', etag: '"1"' }): string {
  for (const id of getState().tabs) removeDocument(id);
  setState({ schema: SCHEMA, schemaState: 'ready', question: null, note: null, workflows: [] });
  return addDocument({ ...freshDocument(saying('first'), 'a'), file });
}

beforeEach(() => {
  vi.stubGlobal('location', {});
});

describe('saving twice at once', () => {
  it('waits for the first, and then saves what is there by then over what that saved', async () => {
    one();
    const first = later<Response>();
    const asked = serve((each) => (isPut(each) ? (asked.filter(isPut).length === 1 ? first.promise : reply({}, 200, { ETag: '"3"' })) : reply([])));
    const saves = [saveDocument(), saveDocument()];
    editValue('1', 'text', 'second');
    await settled(() => asked.some(isPut));
    expect(asked.filter(isPut)).toHaveLength(1);
    first.give(reply({}, 200, { ETag: '"2"' }));
    expect(await Promise.all(saves)).toEqual([true, true]);
    expect(getState().question).toBeNull();
    expect(asked.filter(isPut).map(({ headers, body }) => [headers['If-Match'], body.includes('second')])).toEqual([['"1"', false], ['"2"', true]]);
    expect(getState().file).toEqual({ name: 'a', etag: '"3"' });
    expect(getState().saved).toBe(getState().graph);
  });

  it('asks for a name once', async () => {
    one(null);
    const first = later<Response>();
    const asked = serve((each) => (isPut(each) ? (asked.filter(isPut).length === 1 ? first.promise : reply({}, 200, { ETag: '"3"' })) : reply([])));
    const named = saveDocument();
    getState().question?.answer('done', 'b');
    await settled(() => asked.some(isPut));
    const again = saveDocument();
    expect(getState().question).toBeNull();
    first.give(reply({}, 201, { ETag: '"2"' }));
    expect(await Promise.all([named, again])).toEqual([true, true]);
    expect(asked.filter(isPut).map(({ path, headers }) => [path, headers['If-Match'] ?? 'new'])).toEqual([['/v1/workflows/b', 'new'], ['/v1/workflows/b', '"2"']]);
  });

  it('saves the second of a document that is closed meanwhile', async () => {
    const id = one();
    const first = later<Response>();
    const asked = serve((each) => (isPut(each) ? (asked.filter(isPut).length === 1 ? first.promise : reply({}, 200, { ETag: '"3"' })) : reply([])));
    const saves = [saveDocument()];
    editValue('1', 'text', 'second');
    saves.push(saveDocument());
    removeDocument(id);
    first.give(reply({}, 200, { ETag: '"2"' }));
    expect(await Promise.all(saves)).toEqual([true, true]);
    expect(asked.filter(isPut).at(-1)).toMatchObject({ headers: { 'If-Match': '"2"' }, body: expect.stringContaining('second') as string });
  });

  it('asks about a conflict once', async () => {
    one();
    const asked = serve((each) => (isPut(each) ? reply({ etag: '"9"' }, 412) : reply([])));
    const saves = [saveDocument(), saveDocument()];
    await settled(() => getState().question !== null);
    getState().question?.answer('cancel', '');
    expect(await Promise.all(saves)).toEqual([false, false]);
    expect(getState().question).toBeNull();
    expect(asked.filter(isPut)).toHaveLength(1);
  });
});

describe('a save without an answer', () => {
  it('is known again: it is no conflict', async () => {
    one();
    let held = '';
    const lost = serve(() => Promise.reject(new TypeError('network')));
    expect(await saveDocument()).toBe(false);
    held = lost[0]?.body ?? '';
    editValue('1', 'text', 'more');
    const asked = serve((each) => {
      if (isPut(each)) return each.headers['If-Match'] === '"theirs"' ? reply({}, 200, { ETag: '"3"' }) : reply({ etag: '"theirs"' }, 412);
      return each.path === '/v1/workflows/a' ? new Response(held, { headers: { ETag: '"theirs"' } }) : reply([]);
    });
    expect(await saveDocument()).toBe(true);
    expect(asked.filter(isPut).at(-1)?.body).toContain('more');
    expect(getState().question).toBeNull();
  });

  it('leaves what somebody else saved alone', async () => {
    one();
    serve(() => Promise.reject(new TypeError('network')));
    await saveDocument();
    serve((each) => (isPut(each) ? reply({ etag: '"9"' }, 412) : reply({ other: 1 }, 200, { ETag: '"9"' })));
    const saved = saveDocument();
    await settled(() => getState().question !== null);
    expect(getState().question?.title).toContain('has changed');
    getState().question?.answer(null, '');
    expect(await saved).toBe(false);
  });
});

describe('a workflow that is gone', () => {
  it('is said to be, and saved there again', async () => {
    one();
    const asked = serve((each) => (isPut(each) ? (asked.filter(isPut).length === 1 ? reply({ etag: null }, 412) : reply({}, 201, { ETag: '"2"' })) : reply([])));
    const saved = saveDocument();
    await settled(() => getState().question !== null);
    expect(getState().question?.title).toBe('“a” is not there any more');
    getState().question?.answer('again', '');
    expect(await saved).toBe(true);
    expect(asked.filter(isPut).at(-1)?.headers).toMatchObject({ 'If-None-Match': '*' });
  });
});

describe('saved workflows', () => {
  it('take the documents that show them along when their folder moves', async () => {
    const id = one({ name: 'in/a', etag: '"1"' });
    const asked = serve(({ method }) => reply(method === 'POST' ? [{ name: 'in/a', new_name: 'out/in/a' }] : []));
    await moveInto('in/', 'out/');
    expect(JSON.parse(asked[0]?.body ?? '')).toEqual({ name: 'in/', new_name: 'out/in/' });
    expect(documentOf(getState(), id)?.file).toEqual({ name: 'out/in/a', etag: '"1"' });
    await moveInto('out/', 'out/in/');
    expect(asked.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  it('are deleted with all of a folder after a question, but what has changed stays and is named', async () => {
    const id = one({ name: 'in/a', etag: '"1"' });
    setState({ workflows: [entry('in/a'), entry('in/b'), entry('inside')] as never });
    const asked = serve(({ method, path }) => (method !== 'DELETE' ? reply([]) : path.endsWith('/b') ? reply({}, 412) : new Response(null, { status: 204 })));
    const done = removeSaved('in/');
    await settled(() => getState().question !== null);
    expect(getState().question?.text).toContain('2 workflows');
    getState().question?.answer('remove', '');
    await done;
    expect(asked.filter(({ method }) => method === 'DELETE').map(({ path }) => path)).toEqual(['/v1/workflows/in/a', '/v1/workflows/in/b']);
    expect(documentOf(getState(), id)?.file).toBeNull();
    expect(getState().note).toMatchObject({ bad: true, text: expect.stringContaining('in/b') as string });
  });
});

describe('a version that is brought back', () => {
  it('has its report only as long as it is shown', async () => {
    one();
    serve(({ path }) => (path.includes('versions') ? reply({ nodes: [{ id: 1, type: 'Nobody', pos: [0, 0] }], links: [] }) : reply([])));
    await restoreVersion('a', 7);
    expect(reportOf(getState().graph)?.findings).toMatchObject([{ code: 'unknown_node' }]);
    undoStep();
    expect(reportOf(getState().graph)).toBeUndefined();
    expect(getState().graph.nodes['1']?.values['text']).toBe('first');
    redoStep();
    expect(reportOf(getState().graph)?.source).toBe('a');
  });
});
