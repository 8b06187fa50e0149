import { carriedType, outputType, typesFit } from '../graph/connect';
import { outputLabel } from '../graph/geometry';
import { isBoundary, linkInto, type Graph, type GraphNode } from '../graph/model';
import type { InputSpec, NodeSpec, Schema } from '../graph/schema';
import { specOf } from '../graph/virtual';
import { beginGesture, editNode, endGesture, link, unlink } from '../state/edits';
import { problemView, titleOf, getState, useStore } from '../state/store';
import { TEXT } from '../text';
import { WidgetRow } from '../widgets/WidgetRow';
import { ProblemEntry } from './Problems';
import { SeveralInspector } from './SeveralInspector';
import { SubgraphSlots } from './SubgraphSlots';

interface Source {
  node: string;
  slot: number;
  label: string;
}

/** Outputs that may feed an input. */
function sourcesFor(graph: Graph, schema: Schema, target: GraphNode, type: string): Source[] {
  return Object.values(graph.nodes).flatMap((node) => {
    if (node.id === target.id) return [];
    const outputs = specOf(schema, node)?.outputs ?? node.outputs;
    return outputs.flatMap((output, slot) => {
      if (outputType(schema, node, slot) === undefined || !typesFit(carriedType(schema, graph, node.id, slot), type)) return [];
      return [{ node: node.id, slot, label: `${outputLabel(output.name)} · ${TEXT.card.label(titleOf(getState(), node.id), node.id)}` }];
    });
  });
}

/** Links an input by keyboard: choose where its value comes from. */
function SourceField({ node, input }: { node: GraphNode; input: InputSpec }) {
  const graph = useStore((s) => s.graph);
  const schema = useStore((s) => s.schema);
  const held = linkInto(graph, node.id, input.name);
  const sources = sourcesFor(graph, schema, node, input.type);
  const choose = (value: string): void => {
    const [source, slot] = value.split('\n');
    if (value === '' && held) unlink([held.id]);
    else if (source !== undefined) link({ source, sourceSlot: Number(slot), target: node.id, input: input.name });
  };
  return (
    <div className="field select">
      <label className="select">
        <span className="label">{input.label}</span>
        <select aria-label={TEXT.fields.source(input.label)} value={held ? `${held.source}\n${held.sourceSlot}` : ''} onChange={(event) => choose(event.currentTarget.value)}>
          <option value="">{TEXT.fields.notLinked}</option>
          {sources.map(({ node: id, slot, label }) => <option key={`${id}/${slot}`} value={`${id}\n${slot}`}>{label}</option>)}
        </select>
      </label>
    </div>
  );
}

function Inputs({ node, spec }: { node: GraphNode; spec: NodeSpec }) {
  const graph = useStore((s) => s.graph);
  const problems = useStore((s) => problemView(s).byNode[node.id]);
  return (
    <section className="inspector-inputs" aria-label={TEXT.inspector.inputs}>
      {spec.inputs.map((input) => {
        const { widget } = input;
        const linked = linkInto(graph, node.id, input.name) !== undefined;
        const tall = widget?.kind === 'text' && widget.multiline;
        return (
          <div key={input.name}>
            {widget && !linked ? (
              <WidgetRow
                node={node.id} input={{ ...input, widget }} value={node.values[input.name]} control={node.controls[input.name]} linked={false}
                height={tall ? 120 : widget.kind === 'file' ? 164 : 32} invalid={problems?.some((problem) => problem.input === input.name) === true}
              />
            ) : (
              <SourceField node={node} input={input} />
            )}
            {input.help && <p className="help">{input.help}</p>}
          </div>
        );
      })}
    </section>
  );
}

function One({ id }: { id: string }) {
  const node = useStore((s) => s.graph.nodes[id]);
  const schema = useStore((s) => s.schema);
  const problems = useStore((s) => problemView(s).byNode[id]);
  if (!node) return null;
  const spec = specOf(schema, node);
  return (
    <div className="inspector">
      <div className="field text">
        <label className="text">
          <span className="label">{TEXT.fields.title}</span>
          <input aria-label={TEXT.fields.title} value={node.title} placeholder={spec?.title ?? node.type} onFocus={beginGesture} onBlur={endGesture} onChange={(event) => editNode(id, { title: event.currentTarget.value })} />
        </label>
      </div>
      <p className="quiet mono">{TEXT.inspector.node(node.type, id)}</p>
      {spec?.help && <p className="about">{spec.help}</p>}
      {problems?.map((problem) => <ProblemEntry key={problem.key} problem={problem} />)}
      {spec ? <Inputs node={node} spec={spec} /> : <p className="quiet">{TEXT.card.unknown}</p>}
    </div>
  );
}

/** Every input and the help of the selected card. */
export function Inspector() {
  const selection = useStore((s) => s.selection);
  const [first] = selection;
  const inside = useStore((s) => s.graph.outer !== undefined);
  const isOwn = useStore((s) => selection.size === 1 && isBoundary(s.graph.nodes[first ?? '']));
  if (inside && (first === undefined || isOwn)) return <SubgraphSlots />;
  if (first === undefined) return <p className="quiet padded">{TEXT.inspector.nothing}</p>;
  if (selection.size > 1) return <SeveralInspector />;
  return <One key={first} id={first} />;
}
