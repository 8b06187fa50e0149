/** What the user prefers in this browser. */
import { browserStore } from '../api/storage';
import { getState, setState, type State, type Theme, type ThemeChoice } from './store';

const THEME_KEY = 'sd35graph.theme';
const KEYS_KEY = 'sd35graph.keys';
const SNAP_KEY = 'sd35graph.snap';

const LIGHT = '(prefers-color-scheme: light)';

function themeOf(choice: ThemeChoice): Theme {
  if (choice !== 'system') return choice;
  return window.matchMedia(LIGHT).matches ? 'light' : 'dark';
}

function applyTheme(themeChoice: ThemeChoice): void {
  const theme = themeOf(themeChoice);
  document.documentElement.dataset['theme'] = theme;
  setState({ theme, themeChoice });
}

/** Choose the theme and remember it; `system` follows the system, also when that changes. */
export function setThemeChoice(choice: ThemeChoice): void {
  browserStore.setItem(THEME_KEY, choice);
  applyTheme(choice);
}

/** Give a command these combinations; with undefined its own again. */
export function setKeys(id: string, chords: readonly string[] | undefined): void {
  const { [id]: _before, ...others } = getState().keys;
  const keys = chords ? { ...others, [id]: chords } : others;
  browserStore.setItem(KEYS_KEY, JSON.stringify(keys));
  setState({ keys });
}

/** All commands have their own combinations again. */
export function resetKeys(): void {
  browserStore.removeItem(KEYS_KEY);
  setState({ keys: {} });
}

/** Whether cards that are moved snap to the grid. */
export function setSnap(snap: boolean): void {
  browserStore.setItem(SNAP_KEY, String(snap));
  setState({ snap });
}

function storedKeys(): State['keys'] {
  try {
    const stored: unknown = JSON.parse(browserStore.getItem(KEYS_KEY) ?? '{}');
    if (typeof stored !== 'object' || stored === null) return {};
    const lists = Object.entries(stored).filter((entry): entry is [string, string[]] => Array.isArray(entry[1]));
    return Object.fromEntries(lists.map(([id, chords]) => [id, chords.filter((chord) => typeof chord === 'string')]));
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}

/** Take up what was remembered. */
export function loadPreferences(): void {
  const stored = browserStore.getItem(THEME_KEY);
  applyTheme(stored === 'dark' || stored === 'light' ? stored : 'system');
  window.matchMedia(LIGHT).addEventListener('change', () => applyTheme(getState().themeChoice));
  setState({ keys: storedKeys(), snap: browserStore.getItem(SNAP_KEY) === 'true' });
}
