/** What is shown where. */
import { requestFit } from './camera';
import { getState, setState, type Drawer, type RightTab } from './store';

/** Say something for a few seconds. */
export function notify(text: string, bad = false): void {
  setState({ note: { text, bad, at: Date.now() } });
}

/** Open the side panel at a tab. On phones one sheet is open at a time. */
export function showTab(tab: RightTab): void {
  setState({ tab, panelOpen: true, ...(isNarrow() ? { drawer: null } : {}) });
}

/** Open the side panel at a tab, or close it where it shows that one. */
export function toggleTab(tab: RightTab): void {
  if (getState().panelOpen && getState().tab === tab) setState({ panelOpen: false });
  else showTab(tab);
}

/** Open a drawer, or close it where it is open. */
export function toggleDrawer(drawer: Drawer): void {
  setState({ drawer: getState().drawer === drawer ? null : drawer, ...(isNarrow() ? { panelOpen: false } : {}) });
}

/** Open or close the side panel. */
export function togglePanel(): void {
  const panelOpen = !getState().panelOpen;
  setState({ panelOpen, ...(panelOpen && isNarrow() ? { drawer: null } : {}) });
}

/** Show the graph, or only what the simple view shows of it. */
export function toggleSimple(): void {
  const simple = !getState().simple;
  setState({ simple, menu: null, palette: null });
  if (!simple) requestFit();
}

/** Whether the page is at phone size, where panels are sheets. */
export function isNarrow(): boolean {
  return window.matchMedia('(max-width: 760px)').matches;
}
