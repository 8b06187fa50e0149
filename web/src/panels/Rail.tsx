import { setState, useStore } from '../state/store';
import { setTheme, toggleDrawer } from '../state/ui';
import { TEXT } from '../text';
import { IconButton } from './icons';

/** The tools at the left: what opens a drawer, and at the end the page's own settings. */
export function Rail() {
  const drawer = useStore((s) => s.drawer);
  const theme = useStore((s) => s.theme);
  const { actions } = TEXT;
  return (
    <nav className="rail" aria-label={TEXT.regions.rail}>
      <IconButton icon="nodes" label={actions.nodes} pressed={drawer === 'nodes'} onClick={() => toggleDrawer('nodes')} />
      <IconButton icon="workflows" label={actions.workflows} pressed={drawer === 'workflows'} onClick={() => toggleDrawer('workflows')} />
      <span className="spacer" />
      <IconButton icon="keyboard" label={actions.shortcuts} onClick={() => setState({ shortcuts: true })} />
      <IconButton
        icon={theme === 'dark' ? 'sun' : 'moon'} label={theme === 'dark' ? actions.lightTheme : actions.darkTheme}
        onClick={() => setTheme(theme === 'dark' ? 'light' : 'dark')}
      />
    </nav>
  );
}
