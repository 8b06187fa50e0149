import { focusCard } from '../canvas/focus';
import { socketShape, typeColor } from '../canvas/colors';
import { carriedType, outputType, typesFit } from '../graph/connect';
import { outputLabel } from '../graph/geometry';
import { linkInto, type Graph, type GraphNode } from '../graph/model';
import type { InputSpec, Schema } from '../graph/schema';
import { specOf } from '../graph/virtual';
import { link, unlink } from '../state/edits';
import { getState, setState, titleOf, useStore } from '../state/store';
import { isNarrow } from '../state/ui';
import { TEXT } from '../text';
import { IconButton } from './icons';

interface Source {
  node: string;
  slot: number;
  label: string;
}

function cardName(id: string): string {
  return TEXT.card.label(titleOf(getState(), id), id);
}

/** Select a card of this level, and go there. */
function visit(id: string): void {
  setState({ selection: new Set([id]), linkSelection: new Set(), ...(isNarrow() ? { panelOpen: false } : {}) });
  focusCard(id);
}

/** Outputs that may feed an input, and the one that does. */
function sourcesFor(graph: Graph, schema: Schema, target: GraphNode, type: string, held: string): Source[] {
  return Object.values(graph.nodes).flatMap((node) => {
    if (node.id === target.id) return [];
    const outputs = specOf(schema, node)?.outputs ?? node.outputs;
    return outputs.flatMap((output, slot) => {
      const fits = outputType(schema, node, slot) !== undefined && typesFit(carriedType(schema, graph, node.id, slot), type);
      return fits || held === `${node.id}\n${slot}` ? [{ node: node.id, slot, label: `${cardName(node.id)} · ${outputLabel(output.name)}` }] : [];
    });
  });
}

/** The sign of a socket, as it stands on the card. */
function Sign({ type }: { type: string }) {
  return <span className={`socket-sign ${socketShape(type)}`} style={{ background: typeColor(type) }} title={type} aria-hidden="true" />;
}

/** An input that is fed by a link: where it comes from, and the way there. */
export function LinkedInput({ node, input }: { node: GraphNode; input: InputSpec }) {
  const graph = useStore((s) => s.graph);
  const schema = useStore((s) => s.schema);
  const held = linkInto(graph, node.id, input.name);
  const value = held ? `${held.source}\n${held.sourceSlot}` : '';
  const sources = sourcesFor(graph, schema, node, input.type, value);
  const choose = (chosen: string): void => {
    const [source, slot] = chosen.split('\n');
    if (chosen === '' && held) unlink([held.id]);
    else if (source !== undefined) link({ source, sourceSlot: Number(slot), target: node.id, input: input.name });
  };
  return (
    <div className="field select linked-input">
      <label className="select">
        <Sign type={input.type} /><span className="label">{input.label}</span>
        <select aria-label={TEXT.fields.source(input.label)} className={held ? '' : 'quiet'} value={value} onChange={(event) => choose(event.currentTarget.value)}>
          <option value="">{TEXT.fields.notLinked}</option>
          {sources.map(({ node: id, slot, label }) => <option key={`${id}/${slot}`} value={`${id}\n${slot}`}>{label}</option>)}
        </select>
      </label>
      {held && <IconButton icon="right" label={TEXT.inspector.goTo(cardName(held.source))} className="go" onClick={() => visit(held.source)} />}
    </div>
  );
}

/** What a card gives, and who uses it. */
export function Outputs({ node }: { node: GraphNode }) {
  const graph = useStore((s) => s.graph);
  const schema = useStore((s) => s.schema);
  const outputs = specOf(schema, node)?.outputs ?? node.outputs;
  if (outputs.length === 0) return null;
  const { inspector } = TEXT;
  const links = Object.values(graph.links).filter(({ source }) => source === node.id);
  const labelOf = (target: string, name: string): string => {
    const user = graph.nodes[target];
    return (user && specOf(schema, user)?.inputs.find((input) => input.name === name)?.label) ?? name;
  };
  return (
    <section aria-label={inspector.outputs}>
      <h2>{inspector.outputs}</h2>
      <ul className="outputs">
        {outputs.map((output, slot) => {
          const users = links.filter(({ sourceSlot }) => sourceSlot === slot);
          return (
            <li key={slot}>
              <span className="output-name"><Sign type={output.type} />{outputLabel(output.name)}</span>
              {users.length === 0 && <span className="quiet">{inspector.unused}</span>}
              <span className="users">
                {users.map(({ id, target, input }) => (
                  <button type="button" key={id} className="link-button" title={inspector.goTo(cardName(target))} onClick={() => visit(target)}>{inspector.usedBy(cardName(target), labelOf(target, input))}</button>
                ))}
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  );
}
