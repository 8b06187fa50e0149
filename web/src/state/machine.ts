/** What the server's machine holds. */
import { send, ServerError } from '../api/client';
import { TEXT } from '../text';
import { refreshJobs } from './jobs';
import { getState } from './store';
import { notify } from './ui';

/** When it is looked whether they are gone: the server answers before its worker has let go. */
const LOOKS_MS = [200, 500, 1000, 2000, 4000];

async function lookUntilGone(): Promise<void> {
  for (const wait of LOOKS_MS) {
    await new Promise((resolve) => setTimeout(resolve, wait));
    await refreshJobs();
    if (getState().loaded.length === 0) return;
  }
}

/** Have the server let go of its models once nothing runs; the end of a run is shown anyway. */
export async function unloadModels(): Promise<void> {
  try {
    await send('POST', '/api/free', { unload_models: true });
    notify(TEXT.memory.freed);
    await lookUntilGone();
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    notify(error.message, true);
  }
}
