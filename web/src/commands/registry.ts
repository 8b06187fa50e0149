/** Everything the editor can be told to do. Shortcuts, the palette and the settings read this one list; names stand in the text tables. */
import { reportOf } from '../graph/levels';
import { nodeCount } from '../graph/model';
import { chooseFile } from '../panels/chooseFile';
import { duplicateBeside, foldSelection, groupSelection, pinSelection, showSelection } from '../state/arranging';
import { requestFit, viewCentre } from '../state/camera';
import { closeDocument } from '../state/closing';
import { moveDocument, stepDocument } from '../state/documents';
import { deleteSelection, redoStep, selectAll, tidy, toggleSelectionMode, undoStep } from '../state/edits';
import { feedFocused } from '../state/feeding';
import { downloadApiForm, downloadEditorForm, downloadPython } from '../state/download';
import { newWorkflow } from '../state/files';
import { saveAs, saveDocument } from '../state/saving';
import { copyLink } from '../state/sharing';
import { goBack, isSubgraph, openSelected, packSelection, unpackSelection } from '../state/levels';
import { setRunOnChange } from '../state/autorun';
import { cancelRun, setPaused } from '../state/queue';
import { runSelected, runWorkflow } from '../state/run';
import { getState, setState, type State } from '../state/store';
import { setSnap, setThemeChoice } from '../state/preferences';
import { showTemplates } from '../state/templates';
import { showTab, toggleDrawer, togglePanel, toggleSimple } from '../state/ui';
import type { Texts } from '../text';

export type CommandId = keyof Texts['commands'];

export interface Command {
  id: CommandId;
  /** Key combinations until the user chooses others. */
  keys: readonly string[];
  /** Whether its keys work while a field is edited. */
  typing?: boolean;
  /** Whether it can do anything now; always where it is left out. */
  enabled?: (state: State) => boolean;
  run: () => void;
}

const hasNodes = (state: State): boolean => nodeCount(state.graph) > 0;
const hasSelection = (state: State): boolean => state.selection.size > 0;
/** Also what a gesture under way has done. */
const canUndo = (state: State): boolean => state.history.past.length > 0 || (state.gesture !== null && state.gesture !== state.graph);
const hasTabs = (state: State): boolean => state.tabs.length > 1;

function moveBy(by: number): void {
  const { tabs, active } = getState();
  moveDocument(active, tabs.indexOf(active) + by);
}

function flipTheme(): void {
  setThemeChoice(getState().theme === 'dark' ? 'light' : 'dark');
}

function tidyAndFit(): void {
  tidy();
  requestFit();
}

/** The picture is made by code that few need. */
function savePicture(): void {
  void import('../canvas/picture').then(({ savePictureOfGraph }) => savePictureOfGraph());
}

/** The commands, in the order in which the palette and the list of shortcuts show them. */
export const COMMANDS: readonly Command[] = [
  { id: 'run', keys: ['Mod+Enter'], typing: true, enabled: (s) => s.schemaState === 'ready' && hasNodes(s), run: () => void runWorkflow() },
  { id: 'runSelected', keys: ['Mod+Shift+Enter'], typing: true, enabled: hasSelection, run: () => void runSelected() },
  { id: 'runFirst', keys: ['Mod+Alt+Enter'], typing: true, enabled: hasNodes, run: () => void runWorkflow({ front: true }) },
  { id: 'runOnChange', keys: [], run: () => setRunOnChange(!getState().runOnChange) },
  { id: 'pauseQueue', keys: [], run: () => void setPaused(!getState().paused) },
  { id: 'cancel', keys: [], enabled: (s) => s.current !== null, run: () => void cancelRun() },
  { id: 'palette', keys: ['Mod+k'], typing: true, run: () => setState({ palette: { at: viewCentre(), all: true } }) },
  { id: 'find', keys: ['Mod+f'], typing: true, enabled: hasNodes, run: () => setState({ palette: { at: viewCentre(), finds: true } }) },
  { id: 'newWorkflow', keys: ['Alt+n'], typing: true, run: newWorkflow },
  { id: 'open', keys: ['Mod+o'], typing: true, run: chooseFile },
  { id: 'save', keys: ['Mod+s'], typing: true, run: () => void saveDocument() },
  { id: 'saveAs', keys: ['Mod+Shift+s'], typing: true, run: () => void saveAs() },
  { id: 'copyLink', keys: [], enabled: (s) => s.file !== null, run: () => void copyLink() },
  { id: 'download', keys: [], enabled: hasNodes, run: downloadEditorForm },
  { id: 'downloadApi', keys: [], enabled: hasNodes, run: downloadApiForm },
  { id: 'exportPython', keys: [], enabled: hasNodes, run: () => void downloadPython() },
  { id: 'closeTab', keys: ['Alt+w'], typing: true, run: () => void closeDocument(getState().active) },
  { id: 'nextTab', keys: ['Alt+PageDown'], typing: true, enabled: hasTabs, run: () => stepDocument(1) },
  { id: 'previousTab', keys: ['Alt+PageUp'], typing: true, enabled: hasTabs, run: () => stepDocument(-1) },
  { id: 'tabRight', keys: ['Alt+Shift+PageDown'], typing: true, enabled: hasTabs, run: () => moveBy(1) },
  { id: 'tabLeft', keys: ['Alt+Shift+PageUp'], typing: true, enabled: hasTabs, run: () => moveBy(-1) },
  { id: 'undo', keys: ['Mod+z'], enabled: canUndo, run: undoStep },
  { id: 'redo', keys: ['Mod+Shift+z', 'Mod+y'], enabled: (s) => s.history.future.length > 0, run: redoStep },
  { id: 'selectAll', keys: ['Mod+a'], enabled: hasNodes, run: selectAll },
  { id: 'duplicate', keys: ['Mod+d'], enabled: hasSelection, run: () => duplicateBeside(false) },
  { id: 'remove', keys: ['Delete', 'Backspace'], enabled: (s) => s.selection.size + s.linkSelection.size > 0, run: deleteSelection },
  { id: 'fold', keys: ['Alt+c'], enabled: hasSelection, run: foldSelection },
  { id: 'mute', keys: ['Mod+m'], enabled: hasSelection, run: () => toggleSelectionMode('muted') },
  { id: 'bypass', keys: ['Mod+b'], enabled: hasSelection, run: () => toggleSelectionMode('bypassed') },
  { id: 'pack', keys: ['Mod+g'], enabled: hasSelection, run: packSelection },
  { id: 'unpack', keys: ['Mod+Shift+g'], enabled: (s) => [...s.selection].some((id) => isSubgraph(s.graph, id)), run: unpackSelection },
  { id: 'openSubgraph', keys: ['Enter'], enabled: (s) => s.selection.size === 1 && [...s.selection].every((id) => isSubgraph(s.graph, id)), run: () => void openSelected() },
  { id: 'leaveSubgraph', keys: ['Escape'], enabled: (s) => s.graph.outer !== undefined && s.selection.size === 0, run: () => void goBack() },
  { id: 'duplicateFed', keys: ['Mod+Shift+d'], enabled: hasSelection, run: () => duplicateBeside(true) },
  { id: 'group', keys: ['g'], enabled: hasSelection, run: groupSelection },
  { id: 'pin', keys: ['p'], enabled: hasSelection, run: pinSelection },
  { id: 'feed', keys: ['Alt+i'], typing: true, enabled: hasNodes, run: feedFocused },
  { id: 'showSelection', keys: ['Shift+f'], enabled: hasSelection, run: showSelection },
  { id: 'snap', keys: [], run: () => setSnap(!getState().snap) },
  { id: 'picture', keys: [], enabled: hasNodes, run: savePicture },
  { id: 'fit', keys: ['f'], enabled: hasNodes, run: () => requestFit() },
  { id: 'tidy', keys: [], enabled: hasNodes, run: tidyAndFit },
  { id: 'simple', keys: ['Alt+s'], typing: true, run: toggleSimple },
  { id: 'nodes', keys: [], run: () => toggleDrawer('nodes') },
  { id: 'workflows', keys: [], run: () => toggleDrawer('workflows') },
  { id: 'panel', keys: [], run: togglePanel },
  { id: 'inspector', keys: [], run: () => showTab('inspector') },
  { id: 'queue', keys: [], run: () => showTab('queue') },
  { id: 'gallery', keys: [], run: () => showTab('gallery') },
  { id: 'problems', keys: [], run: () => showTab('problems') },
  { id: 'report', keys: [], enabled: (s) => (reportOf(s.graph)?.findings.length ?? 0) > 0, run: () => showTab('problems') },
  { id: 'templates', keys: [], run: () => showTemplates(true) },
  { id: 'theme', keys: [], run: flipTheme },
  { id: 'settings', keys: ['Mod+,'], typing: true, run: () => setState({ settings: 'general' }) },
  { id: 'shortcuts', keys: ['?'], run: () => setState({ settings: 'shortcuts' }) },
];

/** A command by its name. */
export function commandNamed(id: CommandId): Command {
  const found = COMMANDS.find((command) => command.id === id);
  if (!found) throw new Error(`The list of commands lacks "${id}", which the text tables name.`);
  return found;
}

/** The combinations of a command: the user's, else its own. */
export function keysOf(command: Command, chosen: State['keys']): readonly string[] {
  return chosen[command.id] ?? command.keys;
}

/** The command that a combination calls. */
export function commandOf(chord: string, state: State): Command | undefined {
  return COMMANDS.find((command) => keysOf(command, state.keys).includes(chord));
}

/** Whether a command can do anything now. */
export function isEnabled(command: Command, state: State): boolean {
  return command.enabled?.(state) ?? true;
}
