import { useHint } from '../commands/hints';
import { nodeCount } from '../graph/model';
import { redoStep, undoStep } from '../state/edits';
import { saveDocument } from '../state/saving';
import { cancelRun } from '../state/queue';
import { runWorkflow } from '../state/run';
import { setState, useStore } from '../state/store';
import { viewCentre } from '../state/camera';
import { togglePanel, toggleSimple } from '../state/ui';
import { TEXT } from '../text';
import { chooseFile } from './chooseFile';
import { DocumentTabs } from './DocumentTabs';
import { Icon, IconButton } from './icons';
import { RunMenu } from './RunMenu';

const COPIES = [1, 2, 4, 8, 16];

function FileButtons() {
  const { actions } = TEXT;
  return (
    <div className="group files">
      <IconButton icon="open" label={actions.open} onClick={chooseFile} />
      <IconButton icon="save" label={actions.save} onClick={() => void saveDocument()} />
    </div>
  );
}

function HistoryButtons() {
  const canUndo = useStore((s) => s.history.past.length > 0);
  const canRedo = useStore((s) => s.history.future.length > 0);
  return (
    <div className="group history">
      <IconButton icon="undo" label={TEXT.actions.undo} onClick={undoStep} disabled={!canUndo} />
      <IconButton icon="redo" label={TEXT.actions.redo} onClick={redoStep} disabled={!canRedo} />
    </div>
  );
}

function RunButtons() {
  const copies = useStore((s) => s.copies);
  const busy = useStore((s) => s.current !== null);
  const ready = useStore((s) => s.schemaState === 'ready' && nodeCount(s.graph) > 0);
  const keys = useHint('run');
  return (
    <div className="group run">
      {busy && <button type="button" className="cancel" onClick={() => void cancelRun()}>{TEXT.actions.cancel}</button>}
      <button type="button" className="primary" disabled={!ready} onClick={() => void runWorkflow()} aria-keyshortcuts={keys.aria}>
        {TEXT.actions.run} {keys.hint !== undefined && <kbd aria-hidden="true">{keys.hint}</kbd>}
      </button>
      <select className="copies" aria-label={TEXT.actions.copies} title={TEXT.actions.copies} value={copies} onChange={(event) => setState({ copies: Number(event.currentTarget.value) })}>
        {COPIES.map((count) => <option key={count} value={count}>× {count}</option>)}
      </select>
      <RunMenu />
    </div>
  );
}

function SimpleButton() {
  const simple = useStore((s) => s.simple);
  return <button type="button" className="simple-toggle" aria-pressed={simple} onClick={toggleSimple}>{TEXT.simple.title}</button>;
}

/** Name, file, history, search and run. */
export function TopBar() {
  const open = useStore((s) => s.panelOpen);
  const search = useHint('palette');
  return (
    <header className="top" aria-label={TEXT.regions.top}>
      <h1 className="logo"><b>sd35</b>graph</h1>
      <DocumentTabs />
      <FileButtons />
      <HistoryButtons />
      <button type="button" className="command" aria-keyshortcuts={search.aria} onClick={() => setState({ palette: { at: viewCentre(), all: true } })}>
        <Icon name="search" /><span>{TEXT.actions.command}</span>{search.hint !== undefined && <kbd aria-hidden="true">{search.hint}</kbd>}
      </button>
      <SimpleButton />
      <RunButtons />
      <IconButton icon="panel" label={TEXT.actions.panel} pressed={open} className="panel-toggle" onClick={togglePanel} />
    </header>
  );
}
