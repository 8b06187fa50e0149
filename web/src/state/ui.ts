/** What is shown where. */
import { getState, setState, type Drawer, type RightTab, type Theme } from './store';

const THEME_KEY = 'sd35graph.theme';

/** Say something for a few seconds. */
export function notify(text: string, bad = false): void {
  setState({ note: { text, bad, at: Date.now() } });
}

/** Open the side panel at a tab. On phones one sheet is open at a time. */
export function showTab(tab: RightTab): void {
  setState({ tab, panelOpen: true, ...(isNarrow() ? { drawer: null } : {}) });
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

/** Switch between the themes and remember the choice. */
export function setTheme(theme: Theme): void {
  document.documentElement.dataset['theme'] = theme;
  localStorage.setItem(THEME_KEY, theme);
  setState({ theme });
}

/** The remembered theme, else what the system prefers. */
export function initialTheme(): Theme {
  const stored = localStorage.getItem(THEME_KEY);
  if (stored === 'dark' || stored === 'light') return stored;
  return window.matchMedia('(prefers-color-scheme: light)').matches ? 'light' : 'dark';
}

/** Whether the page is at phone size, where panels are sheets. */
export function isNarrow(): boolean {
  return window.matchMedia('(max-width: 760px)').matches;
}
