import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { align, distribute, type Edge } from '../src/graph/align';
import { copyNodes, pasteNodes, readClipboard } from '../src/graph/clipboard';
import { connect, disconnect } from '../src/graph/connect';
import { parseEditorForm, toEditorForm } from '../src/graph/document';
import { addNode, moveNodes, removeNodes, setControl, setValue, toggleMode, updateNode } from '../src/graph/edit';
import { NO_HISTORY, redo, remember, undo, type History } from '../src/graph/history';
import { parseJson, stringifyJson } from '../src/graph/json';
import { arrange, separate } from '../src/graph/layout';
import { leaveSubgraph, openSubgraph, rootOf } from '../src/graph/levels';
import { paint, restack, togglePinned } from '../src/graph/look';
import { SEED_CONTROLS, type Graph } from '../src/graph/model';
import { addReroute, insertInLink, replaceNode } from '../src/graph/rewire';
import type { NodeSpec, Schema } from '../src/graph/schema';
import { makeSubgraph, unpackSubgraph } from '../src/graph/subgraphMake';
import { withSubgraphs } from '../src/graph/subgraphSpec';
import { addSlot, moveSlot, removeSlot, renameSlot, renameSubgraph, slotsOf, type Side } from '../src/graph/subgraphSlots';
import { sourceText, withoutSources, withSources } from '../src/graph/sources';
import { specOf } from '../src/graph/virtual';
import { TOY } from './material';
import { chain, packed, saved } from './subgraphMaterial';

/** Numbers an edit makes its choices with, so that any of them fits any graph. */
type Dice = readonly [number, number, number];
type Edit = (graph: Graph, schema: Schema, dice: Dice) => Graph;

let count = 0;
const newId = (): string => `id-${++count}`;

function pick<T>(items: readonly T[], at: number): T | undefined {
  return items[at % Math.max(items.length, 1)];
}
const nodeIds = (graph: Graph): string[] => Object.keys(graph.nodes);
const some = (graph: Graph, [a, b, c]: Dice): Set<string> => new Set([a, b, c].flatMap((at) => pick(nodeIds(graph), at) ?? []));
const one = (graph: Graph, at: number): string => pick(nodeIds(graph), at) ?? '';
const anyLink = (graph: Graph, at: number): string => pick(Object.keys(graph.links), at) ?? '';
const specs = (schema: Schema, open: string | undefined): NodeSpec[] => Object.values(schema).filter((spec) => !spec.isSubgraph || open === undefined);
const side = (at: number): Side => (at % 2 === 0 ? 'in' : 'out');

/** Every edit there is; the dice say of what. */
const EDITS: Readonly<Record<string, Edit>> = {
  add: (graph, schema, [a, b]) => {
    const spec = pick(specs(schema, graph.outer?.subgraph), a);
    return spec ? addNode(graph, spec, { x: b, y: a }).graph : graph;
  },
  remove: (graph, _schema, [a]) => removeNodes(graph, new Set([one(graph, a)])),
  connect: (graph, schema, [a, b, c]) => {
    const target = graph.nodes[one(graph, b)];
    const inputs = target ? (specOf(schema, target)?.inputs ?? []) : [];
    const tries = inputs.map((_input, at) => ({ source: one(graph, a), sourceSlot: c % 2, target: target?.id ?? '', input: pick(inputs, c + at)?.name ?? '' }));
    return tries.reduce((next, ends) => (next === graph ? connect(graph, schema, ends) : next), graph);
  },
  disconnect: (graph, _schema, [a]) => disconnect(graph, [anyLink(graph, a)]),
  value: (graph, schema, [a, b, c]) => {
    const node = graph.nodes[one(graph, a)];
    const input = node && pick((specOf(schema, node)?.inputs ?? []).filter((held) => held.widget), b);
    return node && input ? setValue(graph, node.id, input.name, c % 2 === 0 ? c : `t${c}`) : graph;
  },
  control: (graph, schema, [a, b]) => {
    const node = graph.nodes[one(graph, a)];
    const seed = node && specOf(schema, node)?.inputs.find((input) => input.widget?.kind === 'seed');
    return node && seed ? setControl(graph, node.id, seed.name, SEED_CONTROLS[b % 4] ?? 'fixed') : graph;
  },
  move: (graph, _schema, [a, b, c]) => moveNodes(graph, { [one(graph, a)]: { x: b - 500, y: c } }),
  resize: (graph, _schema, [a, b, c]) => updateNode(graph, one(graph, a), { size: { width: 200 + (b % 200), height: 60 + c } }),
  title: (graph, _schema, [a, b]) => updateNode(graph, one(graph, a), { title: b % 3 === 0 ? '' : `title ${b}` }),
  fold: (graph, _schema, [a, b]) => updateNode(graph, one(graph, a), { collapsed: b % 2 === 0, open: b % 3 === 0 }),
  mode: (graph, _schema, dice) => toggleMode(graph, some(graph, dice), dice[2] % 2 === 0 ? 'muted' : 'bypassed'),
  paint: (graph, _schema, dice) => paint(graph, some(graph, dice), dice[1] % 2 === 0 ? '#223344' : ''),
  pin: (graph, _schema, dice) => togglePinned(graph, some(graph, dice)),
  stack: (graph, _schema, dice) => restack(graph, some(graph, dice), dice[0] % 2 === 0 ? 'front' : 'back'),
  align: (graph, schema, dice) => align(graph, schema, some(graph, dice), (['left', 'centre', 'right', 'top', 'middle', 'bottom'] satisfies Edge[])[dice[0] % 6] ?? 'left'),
  distribute: (graph, schema, dice) => distribute(graph, schema, some(graph, dice), dice[0] % 2 === 0 ? 'x' : 'y'),
  tidy: (graph, schema, [a]) => (a % 2 === 0 ? arrange(graph, schema) : separate(graph, schema)),
  paste: (graph, schema, dice) => {
    const copied = readClipboard(copyNodes(graph, schema, some(graph, dice)), schema);
    return copied ? pasteNodes(graph, copied, { x: dice[0], y: dice[1] }, newId).graph : graph;
  },
  insert: (graph, schema, [a, b]) => insertInLink(graph, schema, anyLink(graph, a), one(graph, b)),
  reroute: (graph, schema, [a, b]) => addReroute(graph, schema, anyLink(graph, a), { x: b, y: a })?.graph ?? graph,
  replace: (graph, schema, [a, b]) => {
    const spec = pick(specs(schema, graph.outer?.subgraph), b);
    return spec ? replaceNode(graph, schema, one(graph, a), spec) : graph;
  },
  group: (graph, _schema, [a, b, c]) => ({
    ...graph, groups: c % 3 === 0 ? graph.groups.slice(1) : [...graph.groups, { title: `G${a}`, position: { x: a, y: b }, size: { width: 400, height: 300 }, color: '', raw: {} }],
  }),
  pack: (graph, schema, dice) => makeSubgraph(graph, schema, some(graph, dice), `S${dice[0]}`, newId)?.graph ?? graph,
  unpack: (graph, _schema, [a]) => unpackSubgraph(graph, pick(nodeIds(graph).filter((id) => (graph.nodes[id]?.type ?? '') in graph.subgraphs), a) ?? '')?.graph ?? graph,
  rename: (graph, _schema, [a, b]) => renameSubgraph(graph, pick(Object.keys(graph.subgraphs), a) ?? '', `name ${b}`),
  addSlot: (graph, _schema, [a, b]) => addSlot(graph, side(a), `slot ${b % 5}`, '*', newId()),
  renameSlot: (graph, _schema, [a, b, c]) => renameSlot(graph, side(a), pick(slotsOf(graph, side(a)), b)?.id ?? '', `slot ${c % 5}`),
  moveSlot: (graph, _schema, [a, b, c]) => moveSlot(graph, side(a), pick(slotsOf(graph, side(a)), b)?.id ?? '', c % 4),
  removeSlot: (graph, _schema, [a, b]) => removeSlot(graph, side(a), pick(slotsOf(graph, side(a)), b)?.id ?? ''),
};

/** Going in and out is no edit, but edits happen at every level. */
const MOVES: Readonly<Record<string, (graph: Graph, dice: Dice) => Graph>> = {
  open: (graph, [a]) => openSubgraph(graph, pick(nodeIds(graph).filter((id) => (graph.nodes[id]?.type ?? '') in graph.subgraphs), a) ?? '') ?? graph,
  leave: (graph) => leaveSubgraph(graph),
};

interface Session {
  graph: Graph;
  history: History<Graph>;
  steps: number;
}

function play(start: Graph, script: readonly (readonly [string, Dice])[], check: (graph: Graph) => void): Session {
  const session: Session = { graph: start, history: NO_HISTORY, steps: 0 };
  for (const [name, dice] of script) {
    const { graph } = session;
    const next = EDITS[name]?.(graph, withSubgraphs(TOY, graph.subgraphs), dice);
    if (next && next !== graph) Object.assign(session, { graph: next, history: remember(session.history, graph), steps: session.steps + 1 });
    else if (!next) session.graph = MOVES[name]?.(graph, dice) ?? graph;
    check(session.graph);
  }
  return session;
}

/** Bézier drawn by hand, odd entries, a group: a document that came from a file. */
const FROM_FILE = `{"last_node_id":9,"last_link_id":7,"version":0.4,"config":{},"extra":{"ds":{"scale":1.0}},"future":[1.0],
 "nodes":[{"id":9,"type":"Patch","pos":[400.0,30],"size":{"0":200,"1":90},"flags":{},"order":1,"mode":0,"inputs":[{"name":"model","type":"MODEL","link":3,"x":1}],
   "outputs":[{"name":"MODEL","type":"MODEL","links":[4]}],"properties":{},"widgets_values":[0.50,"plain","more"]},
  {"id":2,"type":"Load","pos":[0,0],"widgets_values":["a.safetensors"]},{"id":4,"type":"Stranger","pos":[9,900],"inputs":[{"name":"in","type":"MODEL","link":4}]},null],
 "links":[[4,9,0,4,0,"MODEL"],[3,2,0,9,0,"MODEL",{"own":1.0}],[7,2,0,99,0,"X"]],"groups":[{"title":"G","bounding":[0,0,300,300],"font_size":24.0}]}`;

const STARTS: readonly (readonly [string, () => Graph])[] = [
  ['a new document', chain],
  ['a document from a file', () => parseEditorForm(parseJson(FROM_FILE), TOY).graph],
  ['a document with a subgraph', () => packed().graph],
  ['a document with a subgraph from a file', () => parseEditorForm(parseJson(saved(packed().graph)), TOY).graph],
];

const dice = fc.tuple(fc.nat(997), fc.nat(997), fc.nat(997));
const script = fc.array(fc.tuple(fc.constantFrom(...Object.keys(EDITS), ...Object.keys(MOVES), 'open', 'connect', 'connect', 'pack'), dice), { maxLength: 24, size: 'max' });

function levels(graph: Graph): Graph[] {
  const root = rootOf(graph);
  return [root, ...Object.values(root.subgraphs).map((subgraph) => ({ ...subgraph.graph, subgraphs: root.subgraphs }))];
}

function faults(graph: Graph): string[] {
  const schema = withSubgraphs(TOY, graph.subgraphs);
  const fed = new Set<string>();
  const ofNodes = Object.entries(graph.nodes).filter(([id, node]) => node.id !== id).map(([id]) => `node ${id} has another id`);
  const ofLinks = Object.entries(graph.links).flatMap(([id, link]) => {
    const [source, target] = [graph.nodes[link.source], graph.nodes[link.target]];
    const end = `${link.target}.${link.input}`;
    const found = fed.has(end) ? [`${end} is fed twice`] : [];
    fed.add(end);
    if (link.id !== id) found.push(`link ${id} has another id`);
    if (!source || !target) return [...found, `link ${id} ends in nothing`];
    const inputs = [...(specOf(schema, target)?.inputs ?? []), ...target.inputs].map((input) => input.name);
    const outputs = Math.max(specOf(schema, source)?.outputs.length ?? 0, source.outputs.length, specOf(schema, source) ? 0 : Infinity);
    if (!inputs.includes(link.input)) found.push(`link ${id} leads to no input`);
    if (link.sourceSlot >= outputs) found.push(`link ${id} comes from no output`);
    return found;
  });
  return [...ofNodes, ...ofLinks];
}

describe.each(STARTS)('any edits of %s', (_name, start) => {
  it('are undone to the first document, byte for byte, and done again to the last', () => {
    fc.assert(fc.property(script, (steps) => {
      const first = start();
      const session = play(first, steps, () => undefined);
      const [before, last] = [saved(first), saved(session.graph)];
      let { graph, history } = session;
      for (let step = 0; step < session.steps; step++) ({ present: graph, history } = undo(history, graph) ?? expect.fail('nothing to undo'));
      expect(undo(history, graph)).toBeUndefined();
      expect(saved(graph)).toBe(before);
      for (let step = 0; step < session.steps; step++) ({ present: graph, history } = redo(history, graph) ?? expect.fail('nothing to redo'));
      expect(saved(graph)).toBe(last);
    }), { numRuns: 60 });
  });

  it('leave a graph whose links all end somewhere, and that is saved and read as it is', () => {
    fc.assert(fc.property(script, (steps) => {
      const { graph } = play(start(), steps, (shown) => expect(levels(shown).flatMap(faults)).toEqual([]));
      const text = saved(graph);
      const again = parseEditorForm(parseJson(text), TOY).graph;
      expect(stringifyJson(toEditorForm(again, TOY))).toBe(text);
      const ids = (of: Graph): string[] => levels(of).slice(0, 1).flatMap((level) => [...Object.keys(level.nodes), ...Object.keys(level.links).map((id) => `link ${id}`)]).sort();
      expect(ids(again)).toEqual(ids(graph));
    }), { numRuns: 60 });
  });

  it('are saved the same after a journal gave them back', () => {
    fc.assert(fc.property(script, (steps) => {
      const first = start();
      const { graph } = play(first, steps, () => undefined);
      const source = sourceText(graph);
      const kept = structuredClone(withoutSources(graph));
      const back = source === undefined ? kept : withSources(kept, parseEditorForm(parseJson(source), TOY).graph);
      // Copies have no document that would tell how their numbers were spelled.
      if (steps.some(([name]) => name === 'paste' || name === 'unpack' || name === 'pack')) expect(parseJson(saved(back))).toEqual(parseJson(saved(graph)));
      else expect(saved(back)).toBe(saved(graph));
    }), { numRuns: 60 });
  });
});
