import type { NodeProps } from '@xyflow/react';
import { memo, type CSSProperties } from 'react';
import type { FrameNode } from './flow';

/** A group of the workflow file: a titled area behind its cards. */
export const FrameCard = memo(function FrameCard({ data }: NodeProps<FrameNode>) {
  const style = data.color ? ({ '--frame': data.color } as CSSProperties) : undefined;
  return <div className="frame" style={style}><span>{data.title}</span></div>;
});
