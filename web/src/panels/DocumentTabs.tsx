import { useEffect, useRef, useState, type DragEvent, type KeyboardEvent } from 'react';
import { closeDocument } from '../state/closing';
import { documentOf, moveDocument, renameDocument, switchDocument } from '../state/documents';
import { newWorkflow } from '../state/files';
import { getState, isDirty, useStore } from '../state/store';
import { TEXT } from '../text';
import { IconButton } from './icons';

/** What is dragged when a tab is. */
const DRAGGED = 'application/x-sd35graph-tab';

function onDrop(event: DragEvent, id: string): void {
  const dragged = event.dataTransfer.getData(DRAGGED);
  if (dragged === '') return;
  event.preventDefault();
  event.stopPropagation();
  moveDocument(dragged, getState().tabs.indexOf(id));
}

function NameField({ id, name, onDone }: { id: string; name: string; onDone: () => void }) {
  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    event.stopPropagation();
    if (event.key === 'Escape') event.currentTarget.value = name;
    if (event.key === 'Enter' || event.key === 'Escape') event.currentTarget.blur();
  };
  return (
    <input
      autoFocus aria-label={TEXT.fields.name} defaultValue={name} spellCheck={false} size={Math.min(Math.max(name.length, 8), 34)} onKeyDown={onKeyDown}
      onFocus={(event) => event.currentTarget.select()}
      onBlur={(event) => {
        renameDocument(id, event.currentTarget.value);
        onDone();
      }}
    />
  );
}

function Tab({ id }: { id: string }) {
  const name = useStore((s) => documentOf(s, id)?.name ?? '');
  const dirty = useStore((s) => {
    const held = documentOf(s, id);
    return held !== undefined && isDirty(held);
  });
  const active = useStore((s) => s.active === id);
  const runs = useStore((s) => s.current !== null && s.owners[s.current] === id);
  const [renaming, setRenaming] = useState(false);
  const item = useRef<HTMLLIElement>(null);
  useEffect(() => {
    if (active) item.current?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [active, name]);
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'F2') setRenaming(true);
    else if (event.key === 'Delete') void closeDocument(id);
    else return;
    event.stopPropagation();
  };
  const classes = ['document-tab', active ? 'active' : '', runs ? 'runs' : ''].join(' ');
  return (
    <li
      ref={item} className={classes} draggable={!renaming} onDragStart={(event) => event.dataTransfer.setData(DRAGGED, id)}
      onDragOver={(event) => event.dataTransfer.types.includes(DRAGGED) && event.preventDefault()} onDrop={(event) => onDrop(event, id)}
      onAuxClick={(event) => event.button === 1 && void closeDocument(id)}
    >
      {renaming ? (
        <NameField id={id} name={name} onDone={() => setRenaming(false)} />
      ) : (
        <button
          type="button" className="document-name" aria-current={active ? 'page' : undefined} title={TEXT.documents.hint(name)}
          onClick={() => switchDocument(id)} onDoubleClick={() => setRenaming(true)} onKeyDown={onKeyDown}
        >
          <span>{name}</span>
          {runs && <span className="dot runs" role="img" aria-label={TEXT.card.running} />}
          {dirty && <span className="dot" role="img" aria-label={TEXT.status.dirty} />}
        </button>
      )}
      <IconButton icon="close" label={TEXT.documents.close(name)} className="small" onClick={() => void closeDocument(id)} />
    </li>
  );
}

/** The open workflows; the rest of the page shows the active one. */
export function DocumentTabs() {
  const tabs = useStore((s) => s.tabs);
  return (
    <nav className="documents" aria-label={TEXT.documents.open}>
      <ul>{tabs.map((id) => <Tab key={id} id={id} />)}</ul>
      <IconButton icon="plus" label={TEXT.actions.newWorkflow} onClick={newWorkflow} />
    </nav>
  );
}
