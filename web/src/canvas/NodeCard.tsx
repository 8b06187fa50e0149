import { NodeResizeControl, useStore as useFlow, type NodeProps, type ReactFlowState } from '@xyflow/react';
import { memo, useMemo, useState, type CSSProperties } from 'react';
import { wiredAdvanced } from '../graph/advanced';
import { colorOf, isPinned } from '../graph/look';
import { linkIndex, type Graph, type GraphNode } from '../graph/model';
import { MAX_PICTURE_WIDTH, MAX_WIDTH, MIN_WIDTH, showsPictures } from '../graph/geometry';
import type { NodeSpec } from '../graph/schema';
import { specOf } from '../graph/virtual';
import { letGo, takeHold } from '../state/holding';
import { openNode } from '../state/levels';
import { shownRuns } from '../state/shownRuns';
import { problemView } from '../state/problemView';
import { useStore } from '../state/store';
import { TEXT } from '../text';
import { WidgetRow } from '../widgets/WidgetRow';
import { CardFooter } from './CardFooter';
import { CardHeader } from './CardHeader';
import { CardPicture } from './CardPicture';
import { categoryColor } from './colors';
import { FarCard } from './FarCard';
import { layoutOf, type CardNode } from './flow';
import { MoreRow } from './MoreRow';
import { NoteBody } from './NoteBody';
import { Port } from './Port';

/** Below this zoom nothing on a card can be read, so it is drawn as a plain box. */
const FAR = 0.35;
const isFar = (state: ReactFlowState): boolean => state.transform[2] < FAR;

const linkedKeys = new WeakMap<Graph['links'], Map<string, string>>();

/** Sockets of a card that have links, as one comparable text; asked at every change of the state, so kept per set of links. */
function linkedKey(graph: Graph, id: string): string {
  const known = linkedKeys.get(graph.links) ?? new Map<string, string>();
  linkedKeys.set(graph.links, known);
  const found = known.get(id);
  if (found !== undefined) return found;
  const index = linkIndex(graph);
  const into = Object.keys(index.into[id] ?? {}).map((name) => `in:${name}`);
  const key = [...into, ...(index.outOf[id] ?? []).map((link) => `out:${link.sourceSlot}`)].join('\n');
  known.set(id, key);
  return key;
}

function useLinked(id: string): ReadonlySet<string> {
  const key = useStore((s) => linkedKey(s.graph, id));
  return useMemo(() => new Set(key.split('\n')), [key]);
}

/** A double-click into a field chooses a word, it does not open a subgraph. */
function isField(target: EventTarget): boolean {
  return target instanceof Element && target.closest('input, textarea, select, button, label') !== null;
}

/** The category's stripe, and the card's own colour if it has one. */
function cardStyle(node: GraphNode, spec: NodeSpec | undefined): CSSProperties {
  const own = colorOf(node);
  return { '--stripe': own || categoryColor(spec?.category ?? ''), ...(own ? { '--own': own } : {}) } as CSSProperties;
}

interface BodyProps {
  node: GraphNode;
  spec: NodeSpec | undefined;
  live: boolean;
}

function CardBody({ node, spec, live }: BodyProps) {
  const linked = useLinked(node.id);
  // The handle that resizes is costly to set up; most cards that come into view are never touched.
  const [near, setNear] = useState(false);
  const wired = useStore((s) => wiredAdvanced(s.graph, node, spec));
  const layout = layoutOf(node, spec, live, wired);
  const runState = useStore((s) => shownRuns(s)[node.id]?.state);
  const problems = useStore((s) => problemView(s).byNode[node.id]);
  const label = TEXT.card.label(node.title || (spec?.title ?? node.type), node.id);
  const rows = layout.inputs.filter((socket) => !socket.onWidget);
  const ports = (
    <>
      {layout.inputs.map((s) => <Port key={`in:${s.key}`} node={node.id} card={label} side="in" socket={s} linked={linked.has(`in:${s.key}`)} />)}
      {layout.outputs.map((s) => <Port key={`out:${s.key}`} node={node.id} card={label} side="out" socket={s} linked={linked.has(`out:${s.key}`)} />)}
    </>
  );
  if (node.type === 'Reroute') return <div className="card reroute">{ports}</div>;
  const style = cardStyle(node, spec);
  const error = problems?.find((problem) => !problem.isWarning);
  const bad = error || runState === 'failed' ? 'bad' : '';
  return (
    <div className={`card ${node.mode} ${runState ?? ''} ${bad} ${spec ? '' : 'unknown'} ${spec?.isSubgraph ? 'subgraph' : ''} ${colorOf(node) ? 'coloured' : ''} ${isPinned(node) ? 'pinned' : ''}`} style={style} onDoubleClick={(event) => spec?.isSubgraph && !isField(event.target) && openNode(node.id)} onPointerEnter={() => setNear(true)} onPointerLeave={(event) => event.buttons === 0 && setNear(false)}>
      <CardHeader node={node} spec={spec} warning={problems?.find((problem) => problem.isWarning)?.message} />
      {ports}
      {!node.collapsed && (
        <>
          <div className="rows" style={{ height: Math.max(rows.length, layout.outputs.length) * 24 }}>
            <ul>{rows.map((s) => <li key={s.key} className={s.optional ? 'optional' : ''}>{s.label}</li>)}</ul>
            <ul>{layout.outputs.map((s) => <li key={s.key}>{s.label}</li>)}</ul>
          </div>
          <div className="fields">
            {layout.widgets.map((row) => (node.type === 'MarkdownNote' ? <NoteBody key={row.input.name} node={node} row={row} /> : (
              <WidgetRow
                key={row.input.name} node={node.id} input={row.input} height={row.height} value={node.values[row.input.name]}
                control={node.controls[row.input.name]} linked={linked.has(`in:${row.input.name}`)}
                invalid={problems?.some((problem) => problem.input === row.input.name) === true}
              />
            )))}
            {layout.more !== undefined && <MoreRow node={node.id} open={node.open} folded={layout.more} />}
            {layout.picture > 0 && <CardPicture node={node.id} height={layout.picture} card={label} />}
            {!spec && <p className="unknown-words">{TEXT.card.unknown}</p>}
          </div>
          {spec?.isVirtual !== true && <CardFooter node={node} problem={error} />}
          <span className="corner" aria-hidden="true" />
          {near && (
            <NodeResizeControl
              className="resize" autoScale={false} minWidth={MIN_WIDTH} maxWidth={showsPictures(spec) ? MAX_PICTURE_WIDTH : MAX_WIDTH} minHeight={layout.minHeight}
              onResizeStart={takeHold} onResizeEnd={letGo}
            />
          )}
        </>
      )}
    </div>
  );
}

/** One node of the graph. */
export const NodeCard = memo(function NodeCard({ id }: NodeProps<CardNode>) {
  const node = useStore((s) => s.graph.nodes[id]);
  const schema = useStore((s) => s.schema);
  const live = useStore((s) => s.live.has(id));
  const far = useFlow(isFar);
  if (!node) return null;
  const spec = specOf(schema, node);
  return far ? <FarCard node={node} spec={spec} /> : <CardBody node={node} spec={spec} live={live} />;
});
