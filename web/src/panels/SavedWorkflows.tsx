import { useState, type DragEvent } from 'react';
import type { WorkflowEntry } from '../api/wire';
import { byFolder, depthOf } from '../graph/folders';
import { moveInto, removeSaved, renameSaved } from '../state/library';
import { isPublished } from '../state/published';
import { plainName } from '../state/saving';
import { setState } from '../state/store';
import { TEXT } from '../text';
import { dateWords } from './dates';
import { IconButton } from './icons';

/** What is dragged when a workflow or a folder is. */
const DRAGGED = 'application/x-sd35graph-workflow';

function onDragStart(event: DragEvent, name: string): void {
  event.stopPropagation();
  event.dataTransfer.setData(DRAGGED, name);
}

/** A place where workflows and folders can be dropped: into this folder; empty: into none. */
function useDropInto(folder: string) {
  const [over, setOver] = useState(false);
  return {
    className: over ? 'folder over' : 'folder',
    onDragOver: (event: DragEvent): void => {
      if (!event.dataTransfer.types.includes(DRAGGED)) return;
      event.preventDefault();
      setOver(true);
    },
    onDragLeave: (event: DragEvent): void => {
      if (!(event.relatedTarget instanceof Node && event.currentTarget.contains(event.relatedTarget))) setOver(false);
    },
    onDrop: (event: DragEvent): void => {
      setOver(false);
      const dragged = event.dataTransfer.getData(DRAGGED);
      if (dragged === '') return;
      event.preventDefault();
      void moveInto(dragged, folder);
    },
  };
}

/** Delete; the focus goes to what stood beside it, for its own button goes. */
async function removeAt(button: HTMLElement, name: string): Promise<void> {
  const row = button.closest('li');
  const beside = row?.nextElementSibling ?? row?.previousElementSibling;
  const search = button.closest('.drawer')?.querySelector('input');
  await removeSaved(name);
  if (document.activeElement === document.body) (beside?.querySelector('button') ?? search)?.focus();
}

interface ToolsProps {
  /** Of a workflow or a folder; the folder's ends with `/`. */
  name: string;
}

function Tools({ name }: ToolsProps) {
  const { saving } = TEXT;
  const shown = name.replace(/\/$/, '');
  return (
    <>
      <IconButton icon="pen" label={saving.rename(shown)} className="small" onClick={() => void renameSaved(name)} />
      <IconButton icon="close" label={saving.remove(shown)} className="small" onClick={(event) => void removeAt(event.currentTarget, name)} />
    </>
  );
}

function SavedRow({ name, modified_ms, onOpen }: WorkflowEntry & { onOpen: (name: string) => void }) {
  return (
    <li className="saved" draggable onDragStart={(event) => onDragStart(event, name)}>
      <button type="button" className="row" onClick={() => onOpen(name)}>
        <span className="saved-words"><span>{plainName(name)}</span><span className="quiet">{dateWords(modified_ms)}</span></span>
      </button>
      <IconButton icon="history" label={TEXT.saving.versions(name)} className="small" onClick={() => setState({ versionsOf: name })} />
      <Tools name={name} />
    </li>
  );
}

interface FolderProps {
  folder: string;
  entries: readonly WorkflowEntry[];
  onOpen: (name: string) => void;
}

function Folder({ folder, entries, onOpen }: FolderProps) {
  const drop = useDropInto(folder);
  // Subgraphs are offered by the place where they lie.
  const isFixed = isPublished({ name: folder });
  return (
    <div {...drop} style={{ paddingLeft: 12 * Math.max(0, depthOf(folder) - 1) }}>
      {folder !== '' && (
        <div className="saved folder-head" role="group" aria-label={TEXT.library.folder(folder.slice(0, -1))} draggable={!isFixed} onDragStart={(event) => onDragStart(event, folder)}>
          <h4>{folder}</h4>
          {!isFixed && <Tools name={folder} />}
        </div>
      )}
      {entries.length > 0 && <ul aria-label={folder.slice(0, -1) || TEXT.saving.mine}>{entries.map((entry) => <SavedRow key={entry.name} {...entry} onOpen={onOpen} />)}</ul>}
    </div>
  );
}

/** One's own workflows by folder. Both are renamed, moved by dragging, and deleted. */
export function SavedWorkflows({ entries, onOpen }: { entries: readonly WorkflowEntry[]; onOpen: (name: string) => void }) {
  const drop = useDropInto('');
  const folders = byFolder(entries);
  return (
    <>
      <h3 {...drop}>{TEXT.saving.mine}</h3>
      {folders.map(([folder, held]) => <Folder key={folder} folder={folder} entries={held} onOpen={onOpen} />)}
    </>
  );
}
