/** Who this window is to the server. */
import { tabStore } from '../api/storage';
import { randomUuid } from './ids';

const CLIENT_KEY = 'sd35graph.client';

/** The tab's own id: kept over a reload, so that a run under way goes on reporting here. */
export function ownId(): string {
  const id = tabStore.getItem(CLIENT_KEY) ?? randomUuid();
  tabStore.setItem(CLIENT_KEY, id);
  return id;
}

/** Identifies this page to the server. */
export const CLIENT_ID = ownId();
