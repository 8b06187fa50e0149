import { lazy, Suspense, useState } from 'react';
import { asText } from '../graph/json';
import type { WidgetRow as Row } from '../graph/geometry';
import type { GraphNode } from '../graph/model';
import { TEXT } from '../text';
import { WidgetRow } from '../widgets/WidgetRow';

const Markdown = lazy(() => import('./Markdown').then((module) => ({ default: module.Markdown })));

/** A note in Markdown: read as it is meant, written as it is. */
export function NoteBody({ node, row }: { node: GraphNode; row: Row }) {
  const [editing, setEditing] = useState(false);
  const text = asText(node.values[row.input.name]);
  const { note } = TEXT.canvas;
  return (
    <div
      className="note" style={{ height: row.height }}
      onBlur={(event) => !event.currentTarget.contains(event.relatedTarget) && setEditing(false)}
    >
      {editing ? (
        <WidgetRow node={node.id} input={row.input} height={row.height} value={text} control={undefined} linked={false} invalid={false} />
      ) : (
        <div className="note-text" onDoubleClick={() => setEditing(true)}>
          {text.trim() === '' ? <p className="quiet">{note.empty}</p> : <Suspense fallback={<p>{text}</p>}><Markdown text={text} /></Suspense>}
        </div>
      )}
      <button type="button" className="nodrag icon small note-edit" aria-label={editing ? note.done : note.edit} title={editing ? note.done : note.edit} onClick={() => setEditing(!editing)}>{editing ? '✓' : '✎'}</button>
    </div>
  );
}
