import { BaseEdge, getBezierPath, type EdgeProps } from '@xyflow/react';
import { memo, type CSSProperties } from 'react';
import { CURVATURE } from '../graph/curve';
import { useCanvasUi } from '../state/canvasUi';
import { typeColor } from './colors';
import type { LinkEdge as Edge } from './flow';

/** A link, in the colour of what flows through it. */
export const LinkEdge = memo(function LinkEdge(props: EdgeProps<Edge>) {
  const isUnder = useCanvasUi((s) => s.under === props.id);
  const { sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition, selected, data } = props;
  const [path] = getBezierPath({ sourceX, sourceY, targetX, targetY, sourcePosition, targetPosition, curvature: CURVATURE });
  const style = { '--type': typeColor(data?.type ?? '*') } as CSSProperties;
  return <BaseEdge path={path} interactionWidth={16} className={`link ${selected === true ? 'selected' : ''} ${isUnder ? 'under' : ''}`} style={style} />;
});
