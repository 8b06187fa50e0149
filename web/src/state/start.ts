/** Brings the page to life: schema, socket, first workflow. */
import { fetchMe, fetchObjectInfo, ServerError } from '../api/client';
import { openSocket, type Connection } from '../api/socket';
import { readSchema } from '../graph/schema';
import { withVirtual } from '../graph/virtual';
import { applyLanguage, chooseLanguage, type Language } from '../text';
import { nodeWords } from '../text/later';
import { runOnChanges } from './autorun';
import { gatherProgress } from './batch';
import { applyEvent, applyProgress } from './events';
import { openFirst } from './first';
import { refreshJobs } from './jobs';
import { readOwners } from './owners';
import { loadPreferences } from './preferences';
import { recallRuns } from './recall';
import { CLIENT_ID } from './client';
import { getState, setState } from './store';
import { isNarrow, notify } from './ui';
import { nameWindow } from './windows';

/** Below this width the side panel starts closed: the graph needs the room. */
const ROOM_FOR_PANEL_PX = 1600;

async function loadSchema(): Promise<void> {
  try {
    const types = await fetchObjectInfo();
    const words = await nodeWords(getState().language);
    setState({ schema: withVirtual(readSchema(types, words), words), schemaState: 'ready' });
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    // A schema that was known before goes on serving; the next connection asks anew.
    if (getState().schemaState !== 'ready') setState({ schemaState: 'failed' });
    notify(error.message, true);
  }
}

/** Learn who one is; a server that does not know that leads to its login. */
async function learnMe(): Promise<void> {
  try {
    setState({ me: await fetchMe() });
  } catch (error) {
    if (!(error instanceof ServerError)) throw error; // gone for now: the socket tries again, and then so does this
  }
}

/** Learn what the server has and what it does; at the first time, open a workflow. */
export async function connected(window = nameWindow()): Promise<void> {
  const first = getState().schemaState !== 'ready';
  if (first) setState({ schemaState: 'loading' });
  await loadSchema();
  if (first && getState().schemaState === 'ready') await openFirst(window);
  await refreshJobs();
  if (first) await recallRuns();
}

/** Change the language of the whole page; null follows the browser. The node types are asked again: their titles change. */
export async function switchLanguage(language: Language | null): Promise<void> {
  chooseLanguage(language);
  setState({ language: applyLanguage() });
  await loadSchema();
}

/** Start everything; the returned function stops it. */
export function start(): () => void {
  loadPreferences();
  setState({ owners: readOwners(), language: applyLanguage() });
  setState({ simple: isNarrow(), panelOpen: window.innerWidth >= ROOM_FOR_PANEL_PX });
  const name = nameWindow();
  const onConnection = (connection: Connection): void => {
    setState({ connection });
    if (connection === 'connected') void connected(name);
    void learnMe();
  };
  const closeSocket = openSocket(CLIENT_ID, { onEvent: gatherProgress({ onProgress: applyProgress, onEvent: applyEvent }), onConnection });
  const stopRuns = runOnChanges();
  return () => {
    closeSocket();
    stopRuns();
  };
}
