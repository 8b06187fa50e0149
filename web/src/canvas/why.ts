/** Why a node ran, or did not have to. */
import { readReason } from '../graph/reasons';
import { inputLabel, type NodeSpec } from '../graph/schema';
import type { NodeRun } from '../state/store';
import { TEXT } from '../text';

/** The server's reason in the user's language; what is not one of the usual ones stays in the server's words. */
function inWords(reason: string, spec: NodeSpec | undefined): string {
  const { running } = TEXT;
  const read = readReason(reason);
  switch (read.kind) {
    case 'new':
      return running.neverRun;
    case 'unfinished':
      return running.unfinished;
    case 'inputs':
      return running.changed(read.names.map((name) => running.input(inputLabel(spec, name))).join(', '));
    case 'other':
      return reason;
  }
}

/** A sentence of a node's last run, with its inputs named as on the card; empty where nothing is known. */
export function whyWords(run: NodeRun | undefined, spec: NodeSpec | undefined): string {
  if (run?.state === 'cached') return TEXT.running.wasCached;
  return run && run.reason !== '' && run.state !== 'idle' ? TEXT.running.why(inWords(run.reason, spec)) : '';
}
