/** What the server's machine holds. */
import { send, ServerError } from '../api/client';
import { TEXT } from '../text';
import { refreshSoon } from './jobs';
import { notify } from './ui';

/** Have the server let go of its models once nothing runs. */
export async function unloadModels(): Promise<void> {
  try {
    await send('POST', '/api/free', { unload_models: true });
    notify(TEXT.memory.freed);
    refreshSoon();
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    notify(error.message, true);
  }
}
