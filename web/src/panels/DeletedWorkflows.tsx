import { useEffect, useState } from 'react';
import { byFolder } from '../graph/folders';
import { bringBack, fetchDeleted, forget, type DeletedWorkflow } from '../state/library';
import { errorSentence } from '../state/run';
import { useStore } from '../state/store';
import { TEXT } from '../text';
import { dateWords } from './dates';
import { IconButton } from './icons';

/** More are seldom looked for, and all of them are kept until somebody deletes them for good. */
const MOST = 100;

/** What was deleted, asked anew with each change of what is there; a sentence where it cannot be had. */
function useDeleted(isOpen: boolean): readonly DeletedWorkflow[] | string | null {
  const workflows = useStore((s) => s.workflows);
  const [found, setFound] = useState<readonly DeletedWorkflow[] | string | null>(null);
  useEffect(() => {
    let current = true;
    if (isOpen) fetchDeleted().then((list) => current && setFound(list), (error: unknown) => current && setFound(errorSentence(error)));
    return () => {
      current = false;
    };
  }, [isOpen, workflows]);
  return found;
}

function Row({ deleted }: { deleted: DeletedWorkflow }) {
  const { name, deleted_ms: at } = deleted;
  const { library } = TEXT;
  return (
    <li className="saved">
      <span className="saved-words"><span>{name}</span><span className="quiet" title={library.deletedAt(dateWords(at))}>{dateWords(at)}</span></span>
      <button type="button" className="small-words" aria-label={library.bringBack(name)} onClick={() => void bringBack([deleted])}>{library.bringBackShort}</button>
      <IconButton icon="close" label={library.forgetOne(name)} className="small" onClick={() => void forget(name)} />
    </li>
  );
}

function Folder({ folder, entries }: { folder: string; entries: readonly DeletedWorkflow[] }) {
  const { library } = TEXT;
  const name = folder.slice(0, -1);
  return (
    <>
      {folder !== '' && entries.length > 1 && (
        <div className="saved folder-head">
          <h4>{folder}</h4>
          <button type="button" className="small-words" aria-label={library.bringBackAll(name, entries.length)} onClick={() => void bringBack(entries)}>{library.all(entries.length)}</button>
        </div>
      )}
      <ul aria-label={`${library.deleted}: ${name}`}>{entries.map((deleted) => <Row key={deleted.name} deleted={deleted} />)}</ul>
    </>
  );
}

/** Workflows that were deleted, with their versions still there: bring them back, or delete them for good. */
export function DeletedWorkflows() {
  const [isOpen, setOpen] = useState(false);
  const found = useDeleted(isOpen);
  const { library, saving } = TEXT;
  const list = typeof found === 'object' && found !== null ? found : [];
  return (
    <details className="deleted" onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>{library.deleted}</summary>
      {found === null && <p className="quiet">{saving.loading}</p>}
      {typeof found === 'string' && <p role="alert">{found}</p>}
      {found !== null && typeof found === 'object' && found.length === 0 && <p className="quiet">{library.noneDeleted}</p>}
      {byFolder(list.slice(0, MOST)).map(([folder, entries]) => entries.length > 0 && <Folder key={folder} folder={folder} entries={entries} />)}
      {list.length > MOST && <p className="quiet">{library.more(list.length - MOST)}</p>}
    </details>
  );
}
