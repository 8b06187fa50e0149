import { NodeResizeControl, type NodeProps } from '@xyflow/react';
import { memo, type CSSProperties, type KeyboardEvent } from 'react';
import { MIN_GROUP } from '../graph/groups';
import { editGroup } from '../state/arranging';
import { useCanvasUi } from '../state/canvasUi';
import { letGo, takeHold } from '../state/holding';
import { setState } from '../state/store';
import { TEXT } from '../text';
import type { FrameNode } from './flow';

function openMenu(group: number, element: Element): void {
  const box = element.getBoundingClientRect();
  setState({ menu: { group, x: box.left, y: box.bottom + 4 } });
}

function TitleField({ at, title }: { at: number; title: string }) {
  const finish = (text: string): void => {
    useCanvasUi.setState({ renaming: null });
    if (text.trim() !== title) editGroup(at, { title: text.trim() });
  };
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    event.stopPropagation();
    if (event.key === 'Enter' && !event.nativeEvent.isComposing) finish(event.currentTarget.value);
    if (event.key === 'Escape') useCanvasUi.setState({ renaming: null });
  };
  return (
    <input
      className="nodrag frame-field" autoFocus aria-label={TEXT.fields.title} defaultValue={title} onKeyDown={onKeyDown}
      onBlur={(event) => finish(event.currentTarget.value)} onFocus={(event) => event.currentTarget.select()}
    />
  );
}

/** A group: a titled area behind its cards. Its title is what moves it, and leads to its menu. */
export const FrameCard = memo(function FrameCard({ data }: NodeProps<FrameNode>) {
  const { at, title, color } = data;
  const renaming = useCanvasUi((s) => s.renaming === at);
  const style = color ? ({ '--frame': color } as CSSProperties) : undefined;
  return (
    <div className="frame" style={style}>
      {renaming ? <TitleField at={at} title={title} /> : (
        <button
          type="button" className="frame-title" aria-haspopup="menu" aria-label={TEXT.canvas.group(title)} onDoubleClick={() => useCanvasUi.setState({ renaming: at })}
          onKeyDown={(event) => {
            if (event.key === 'F2') useCanvasUi.setState({ renaming: at });
            if (event.key !== 'Enter' && event.key !== ' ') return;
            event.preventDefault();
            openMenu(at, event.currentTarget);
          }}
        >
          {title || TEXT.canvas.menu.groupTitle}
        </button>
      )}
      <span className="corner" aria-hidden="true" />
      <NodeResizeControl
        className="resize" autoScale={false} minWidth={MIN_GROUP.width} minHeight={MIN_GROUP.height} onResizeStart={takeHold} onResizeEnd={letGo}
      />
    </div>
  );
});
