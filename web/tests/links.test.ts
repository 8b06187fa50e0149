/** Links that are copied and followed, versions that come back, and workflows that cannot be expanded. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { later, serve } from './page';
import { EMPTY_GRAPH, type Graph } from '../src/graph/model';
import { addNode } from '../src/graph/edit';
import { reportOf } from '../src/graph/levels';
import { readSchema } from '../src/graph/schema';
import { runOnChanges, setRunOnChange } from '../src/state/autorun';
import { addDocument, freshDocument, switchDocument } from '../src/state/documents';
import { restoreVersion } from '../src/state/library';
import { watchPromptLength } from '../src/state/promptLength';
import { copyLink, openLinked } from '../src/state/sharing';
import { getState, setState } from '../src/state/store';
import { TEXT } from '../src/text';

const SCHEMA = readSchema({ Say: { input: { required: { text: ['STRING', {}] } }, output: [], output_node: true } });
const spec = SCHEMA['Say'] ?? expect.fail();
const said = addNode(EMPTY_GRAPH, spec, { x: 0, y: 0 }).graph;
const reply = (body: object, status = 200): Response => new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } });

/** Subgraphs that each hold the next one many times: more nodes than can be run. */
function huge(): Graph {
  const node = said.nodes['1'] ?? expect.fail();
  const many = (type: string): Graph => ({ ...said, nodes: Object.fromEntries(Array.from({ length: 40 }, (_, at) => [String(at), { ...node, id: String(at), type }])) });
  const subgraphs = Object.fromEntries(['Say', 'a', 'b', 'c'].map((type, at) => ['abcd'.charAt(at), { id: 'abcd'.charAt(at), name: type, graph: many(type) }]));
  return { ...many('d'), subgraphs };
}

function open(): string {
  setState({ schema: SCHEMA, schemaState: 'ready', question: null, note: null, workflows: [], connection: 'connected', jobs: [] });
  return addDocument({ ...freshDocument(said, 'a'), file: { name: 'a', etag: '"1"' } });
}

afterEach(() => {
  vi.useRealTimers();
  setState({ runOnChange: false });
});

describe('a copied link', () => {
  const clipboards = { none: undefined, refused: { writeText: () => Promise.reject(new DOMException('no', 'NotAllowedError')) } };

  it.each(Object.entries(clipboards))('is shown where the clipboard is %s', async (_, clipboard) => {
    open();
    vi.stubGlobal('navigator', { clipboard });
    const copied = copyLink();
    await vi.waitFor(() => expect(getState().question?.field?.initial).toBe('http://here/?workflow=a'));
    getState().question?.answer('close', '');
    await copied;
    expect(getState().note).toBeNull();
  });

  it('goes to the clipboard', async () => {
    open();
    const writeText = vi.fn(() => Promise.resolve());
    vi.stubGlobal('navigator', { clipboard: { writeText } });
    await copyLink();
    expect(writeText).toHaveBeenCalledWith('http://here/?workflow=a');
    expect(getState().note?.text).toBe(TEXT.notes.linkCopied);
  });
});

describe('a link that is followed', () => {
  it('says what the server refuses, and stops nothing', async () => {
    open();
    vi.stubGlobal('history', { replaceState: () => undefined });
    window.location.hash = '#workflow=b';
    serve(() => reply({ error: { message: 'busy' } }, 503));
    expect(await openLinked()).toBe(false);
    expect(getState().note?.bad).toBe(true);
    window.location.hash = '';
  });
});

describe('a version that comes back', () => {
  it('has its own findings, which are told', async () => {
    open();
    setState({ graph: { ...getState().graph, report: { source: 'old', tool: null, findings: [] } } });
    serve(() => reply({ nodes: [{ id: 1, type: 'Say', pos: [0, 0] }], links: [[1, 8, 0, 9, 0, 'X']] }));
    await restoreVersion('a', 1);
    const { graph, note } = getState();
    const report = reportOf(graph);
    expect(report?.source).toBe('a');
    expect(report?.findings.length).toBeGreaterThan(0);
    expect(note?.bad).toBe(true);
  });
});

describe('a workflow that cannot be expanded', () => {
  it('is shown, and then runs after changes are told once why they cannot', async () => {
    vi.useFakeTimers();
    const before = open();
    const asked = serve(() => reply({}));
    const stop = runOnChanges();
    addDocument(freshDocument(huge(), 'b'), false);
    expect(getState().name).toBe('b');
    setRunOnChange(true);
    switchDocument(before);
    setState({ graph: huge() });
    await vi.advanceTimersByTimeAsync(1000);
    expect(getState().note?.bad).toBe(true);
    expect(asked).toEqual([]);
    stop();
  });

  it('has no prompt lengths', async () => {
    vi.useFakeTimers();
    open();
    const told = later<null>();
    setState({ graph: huge() });
    const stop = watchPromptLength('1', 'text', (length) => told.give(length as null));
    await vi.advanceTimersByTimeAsync(1000);
    expect(await told.promise).toBeNull();
    stop();
  });
});
