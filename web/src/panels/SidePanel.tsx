import type { KeyboardEvent } from 'react';
import { problemView } from '../state/problemView';
import { setState, useStore, type RightTab } from '../state/store';
import { showTab } from '../state/ui';
import { TEXT } from '../text';
import { Gallery } from './Gallery';
import { IconButton } from './icons';
import { Inspector } from './Inspector';
import { Problems } from './Problems';
import { Queue } from './Queue';

const TABS: readonly RightTab[] = ['inspector', 'queue', 'gallery', 'problems'];
const PANELS = { inspector: Inspector, queue: Queue, gallery: Gallery, problems: Problems };

function useCounts(): Readonly<Record<RightTab, number>> {
  const queue = useStore((s) => s.jobs.filter((job) => job.state === 'waiting' || job.state === 'running').length);
  const problems = useStore((s) => problemView(s).all.length);
  // How many pictures there are asks for nothing, so the gallery has no number.
  return { inspector: 0, queue, gallery: 0, problems };
}

function onTabKey(event: KeyboardEvent, tab: RightTab): void {
  const step = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
  if (step === 0) return;
  const next = TABS[(TABS.indexOf(tab) + step + TABS.length) % TABS.length] ?? tab;
  showTab(next);
  document.getElementById(`tab-${next}`)?.focus();
}

/** Inspector, queue, gallery and problems; a sheet from below on phones. */
export function SidePanel() {
  const open = useStore((s) => s.panelOpen);
  const tab = useStore((s) => s.tab);
  const counts = useCounts();
  const alarm = useStore((s) => (problemView(s).all.every((problem) => problem.isWarning) ? 'warning' : 'alarm'));
  if (!open) return null;
  const Panel = PANELS[tab];
  return (
    <aside className="side" aria-label={TEXT.regions.panel}>
      <div className="side-head">
        <div className="tabs" role="tablist" aria-label={TEXT.regions.panel}>
          {TABS.map((name) => (
            <button
              type="button" role="tab" key={name} id={`tab-${name}`} aria-selected={name === tab} aria-controls="side-body" tabIndex={name === tab ? 0 : -1}
              onClick={() => showTab(name)} onKeyDown={(event) => onTabKey(event, name)}
            >
              {TEXT.tabs[name]}{counts[name] > 0 && <span className={name === 'problems' ? `count ${alarm}` : 'count'}>{counts[name]}</span>}
            </button>
          ))}
        </div>
        <IconButton icon="close" label={TEXT.actions.close} className="sheet-close" onClick={() => setState({ panelOpen: false })} />
      </div>
      <div className="side-body" id="side-body" role="tabpanel" aria-labelledby={`tab-${tab}`}><Panel /></div>
    </aside>
  );
}
