import { problemView } from '../state/problemView';
import { setState, useStore } from '../state/store';
import { redoStep, undoStep } from '../state/edits';
import { toggleDrawer, togglePanel, toggleSimple, toggleTab } from '../state/ui';
import { TEXT } from '../text';
import { IconButton } from './icons';

/** What a phone's bar holds besides: the top bar has no room for it there. */
function PhoneButtons() {
  const open = useStore((s) => s.panelOpen);
  const simple = useStore((s) => s.simple);
  const problems = useStore((s) => problemView(s).all.length);
  const canUndo = useStore((s) => s.history.past.length > 0);
  const canRedo = useStore((s) => s.history.future.length > 0);
  const { actions } = TEXT;
  return (
    <div className="phone-only">
      <IconButton icon={simple ? 'graph' : 'simple'} label={simple ? TEXT.simple.graph : TEXT.simple.title} onClick={toggleSimple} />
      <IconButton icon="undo" label={actions.undo} onClick={undoStep} disabled={!canUndo} />
      <IconButton icon="redo" label={actions.redo} onClick={redoStep} disabled={!canRedo} />
      <IconButton icon="panel" label={actions.panel} pressed={open} className={problems > 0 ? 'alarm' : ''} onClick={togglePanel} />
    </div>
  );
}

/** The tools at the left: what opens a drawer, and at the end the page's own settings. On phones a bar at the bottom. */
export function Rail() {
  const drawer = useStore((s) => s.drawer);
  const gallery = useStore((s) => s.panelOpen && s.tab === 'gallery');
  const { actions } = TEXT;
  return (
    <nav className="rail" aria-label={TEXT.regions.rail}>
      <IconButton icon="nodes" label={actions.nodes} pressed={drawer === 'nodes'} onClick={() => toggleDrawer('nodes')} />
      <IconButton icon="workflows" label={actions.workflows} pressed={drawer === 'workflows'} onClick={() => toggleDrawer('workflows')} />
      <IconButton icon="gallery" label={TEXT.tabs.gallery} pressed={gallery} className="desktop-only" onClick={() => toggleTab('gallery')} />
      <PhoneButtons />
      <span className="spacer" />
      <IconButton icon="keyboard" label={actions.shortcuts} className="desktop-only" onClick={() => setState({ settings: 'shortcuts' })} />
      <IconButton icon="settings" label={actions.settings} onClick={() => setState({ settings: 'general' })} />
    </nav>
  );
}
