import type { CSSProperties } from 'react';
import type { GraphNode } from '../graph/model';
import type { NodeSpec } from '../graph/schema';
import { shownRuns } from '../state/shownRuns';
import { problemView } from '../state/problemView';
import { useStore } from '../state/store';
import { categoryColor } from './colors';

/** A card seen from afar: colour, state and a title large enough to be read. */
export function FarCard({ node, spec }: { node: GraphNode; spec: NodeSpec | undefined }) {
  const state = useStore((s) => shownRuns(s)[node.id]?.state ?? '');
  const bad = useStore((s) => {
    const problems = problemView(s).byNode[node.id];
    return !problems ? '' : problems.every((problem) => problem.isWarning) ? 'warning' : 'bad';
  });
  const style = { '--stripe': categoryColor(spec?.category ?? '') } as CSSProperties;
  return <div className={`card far ${node.mode} ${state} ${bad}`} style={style}><span>{node.title || (spec?.title ?? node.type)}</span></div>;
}
