import { useReactFlow, ViewportPortal } from '@xyflow/react';
import { memo, type CSSProperties, type MouseEvent } from 'react';
import { rerouteLink } from '../state/arranging';
import { useCanvasUi } from '../state/canvasUi';
import { getState, setState } from '../state/store';
import { TEXT } from '../text';
import { typeColor } from './colors';
import type { Line } from './flow';
import { isMore } from './useChanges';

/** The link that an element belongs to. */
export function linkOf(target: EventTarget): string | undefined {
  return target instanceof Element ? (target.closest('[data-link]')?.getAttribute('data-link') ?? undefined) : undefined;
}

function choose(event: MouseEvent, id: string): void {
  const chosen = new Set(isMore(event) ? getState().linkSelection : []);
  if (!chosen.delete(id)) chosen.add(id);
  setState({ linkSelection: chosen, ...(isMore(event) ? {} : { selection: new Set() }) });
}

type LineProps = Line & { selected: boolean };

/** A link, in the colour of what flows through it. */
const LinkLine = memo(function LinkLine({ id, type, path, name, selected }: LineProps) {
  const isUnder = useCanvasUi((s) => s.under === id);
  const style = { '--type': typeColor(type) } as CSSProperties;
  return (
    <g className={`link nopan ${selected ? 'selected' : ''} ${isUnder ? 'under' : ''}`} style={style} data-link={id} role="img" aria-roledescription={TEXT.card.kindOfLink} aria-label={name}>
      <path className="link-line" d={path} />
      <path className="link-reach" d={path} />
    </g>
  );
});

/** The links at all cards that are elements, in one drawing: one layer while the view moves, and nothing for React Flow to follow. */
export function LinkLayer({ lines, selection }: { lines: readonly Line[]; selection: ReadonlySet<string> }) {
  const { screenToFlowPosition } = useReactFlow();
  const reroute = ({ clientX, clientY }: MouseEvent, id: string): void => {
    rerouteLink(id, screenToFlowPosition({ x: clientX, y: clientY }, { snapToGrid: false }));
  };
  const onClick = (event: MouseEvent): void => {
    const id = linkOf(event.target);
    if (id !== undefined) (event.altKey ? reroute : choose)(event, id);
  };
  const onDoubleClick = (event: MouseEvent): void => {
    const id = linkOf(event.target);
    if (id !== undefined) reroute(event, id);
  };
  return (
    <ViewportPortal>
      <svg className="links" onClick={onClick} onDoubleClick={onDoubleClick}>
        {lines.map((line) => <LinkLine key={line.id} {...line} selected={selection.has(line.id)} />)}
      </svg>
    </ViewportPortal>
  );
}
