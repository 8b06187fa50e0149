import { asText } from '../graph/json';
import type { Problem } from '../graph/problems';
import { specOf } from '../graph/virtual';
import { editValue, place } from '../state/edits';
import { openLevelOf } from '../state/levels';
import { getState, setState, useStore, type PaletteRequest } from '../state/store';
import { copyCommand } from '../state/templates';
import { TEXT } from '../text';

/** Left of the card that lacks something. */
const BESIDE_PX = 340;

/** A new node for an input that lacks one. */
function requestFor(problemNode: string, input: string): PaletteRequest | undefined {
  const id = openLevelOf(problemNode);
  const { graph, schema } = getState();
  const node = graph.nodes[id];
  const spec = node && specOf(schema, node)?.inputs.find((candidate) => candidate.name === input);
  if (!node || !spec) return undefined;
  return { at: { x: node.position.x - BESIDE_PX, y: node.position.y }, end: { needs: 'out', type: spec.type, node: id, key: input } };
}

function addSource(node: string, input: string, type: string): void {
  const request = requestFor(node, input);
  const spec = getState().schema[type];
  if (request && spec) place(spec, request);
}

/** Puts a node of the most similar type in the place of one that the server does not have. */
export function Replace({ node, type }: { node: string; type: string }) {
  const spec = useStore((s) => s.schema[type]);
  const replace = (): void => {
    const id = openLevelOf(node);
    const held = getState().graph.nodes[id];
    if (held && spec) place(spec, { at: held.position, replaces: id });
  };
  return spec && <button type="button" className="mend" onClick={replace}>{TEXT.repairs.replace(spec.title)}</button>;
}

/** Buttons that mend a problem, each by one step that can be undone. */
export function Repairs({ problem }: { problem: Problem }) {
  const { node, input, fix, command, sources, replacement } = problem;
  const schema = useStore((s) => s.schema);
  const { repairs } = TEXT;
  if (node === null) return null;
  return (
    <div className="repairs">
      {replacement !== undefined && <Replace node={node} type={replacement} />}
      {fix && <button type="button" className="mend" onClick={() => editValue(openLevelOf(fix.node), fix.input, fix.value)}>{TEXT.actions.useInstead(asText(fix.value))}</button>}
      {command && <button type="button" className="mend" onClick={() => void copyCommand(command)}>{repairs.copy(command)}</button>}
      {input !== undefined && sources?.map((type) => (
        <button type="button" className="mend" key={type} onClick={() => addSource(node, input, type)}>{repairs.add(schema[type]?.title ?? type)}</button>
      ))}
      {input !== undefined && sources && <button type="button" className="mend" onClick={() => setState({ palette: requestFor(node, input) ?? null })}>{repairs.others}</button>}
    </div>
  );
}
