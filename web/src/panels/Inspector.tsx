import { isBoundary, linkInto, type GraphNode } from '../graph/model';
import type { InputSpec, NodeSpec, Widget } from '../graph/schema';
import { specOf } from '../graph/virtual';
import { beginGesture, editNode, endGesture } from '../state/edits';
import { problemView } from '../state/problemView';
import { useStore } from '../state/store';
import { TEXT } from '../text';
import { WidgetRow } from '../widgets/WidgetRow';
import { LinkedInput, Outputs } from './InspectorLinks';
import { ProblemEntry } from './Problems';
import { SeveralInspector } from './SeveralInspector';
import { SubgraphSlots } from './SubgraphSlots';

/** Heights of fields that need more than a line. */
const [LINE, TEXT_AREA, PICTURE] = [32, 120, 164];

function heightOf(widget: Widget): number {
  if (widget.kind === 'text' && widget.multiline) return TEXT_AREA;
  return widget.kind === 'file' ? PICTURE : LINE;
}

function Setting({ node, input, invalid }: { node: GraphNode; input: InputSpec & { widget: Widget }; invalid: boolean }) {
  return <WidgetRow node={node.id} input={input} value={node.values[input.name]} control={node.controls[input.name]} linked={false} height={heightOf(input.widget)} invalid={invalid} />;
}

/** What is fed by links, and below it what is set here. */
function Inputs({ node, spec }: { node: GraphNode; spec: NodeSpec }) {
  const graph = useStore((s) => s.graph);
  const problems = useStore((s) => problemView(s).byNode[node.id]);
  const isSet = ({ widget, name }: InputSpec): boolean => widget !== null && linkInto(graph, node.id, name) === undefined;
  const fed = spec.inputs.filter((input) => !isSet(input));
  const set = spec.inputs.flatMap((input) => (input.widget && isSet(input) ? [{ ...input, widget: input.widget }] : []));
  const { inspector } = TEXT;
  return (
    <>
      {fed.length > 0 && (
        <section className="inspector-inputs" aria-label={inspector.inputs}>
          <h2>{inspector.inputs}</h2>
          {fed.map((input) => (
            <div key={input.name}>
              <LinkedInput node={node} input={input} />
              {input.help && <p className="help">{input.help}</p>}
            </div>
          ))}
        </section>
      )}
      {set.length > 0 && (
        <section className="inspector-inputs" aria-label={inspector.settings}>
          <h2>{inspector.settings}</h2>
          {set.map((input) => (
            <div key={input.name}>
              <Setting node={node} input={input} invalid={problems?.some((problem) => problem.input === input.name) === true} />
              {input.help && <p className="help">{input.help}</p>}
            </div>
          ))}
        </section>
      )}
    </>
  );
}

/** What kind of node it is, in its author's words. */
function About({ node, spec }: { node: GraphNode; spec: NodeSpec | undefined }) {
  const { inspector, card } = TEXT;
  return (
    <section className="about" aria-label={inspector.about}>
      <h2>{inspector.about}</h2>
      {spec?.help !== '' && <p>{spec?.help ?? card.unknown}</p>}
      {spec?.isOutput && <p>{inspector.isOutput}</p>}
      <dl>
        <div><dt>{inspector.type}</dt><dd className="mono">{node.type}</dd></div>
        <div><dt>{inspector.id}</dt><dd className="mono">{node.id}</dd></div>
        {spec?.category && <div><dt>{inspector.category}</dt><dd>{spec.category}</dd></div>}
      </dl>
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
      {problems?.map((problem) => <ProblemEntry key={problem.key} problem={problem} />)}
      {spec && <Inputs node={node} spec={spec} />}
      <Outputs node={node} />
      <About node={node} spec={spec} />
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
