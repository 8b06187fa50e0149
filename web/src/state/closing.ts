/** Closing documents. */
import { TEXT } from '../text';
import { ask } from './ask';
import { documentOf, removeDocument, switchDocument } from './documents';
import { saveDocument } from './saving';
import { getState, isDirty, setState } from './store';

/** Close a document; where changes would be lost, ask what becomes of them. */
export async function closeDocument(id: string): Promise<void> {
  const held = documentOf(getState(), id);
  if (!held) return;
  if (isDirty(held)) {
    const { documents, actions } = TEXT;
    const choice = await ask(documents.closeTitle(held.name), documents.closeText, [
      { value: 'cancel', label: actions.cancel }, { value: 'discard', label: documents.discard, kind: 'danger' }, { value: 'save', label: actions.save, kind: 'primary' },
    ]);
    if (choice !== 'save' && choice !== 'discard') return;
    if (choice === 'save') {
      switchDocument(id);
      if (!(await saveDocument())) return;
      const now = documentOf(getState(), id);
      if (now && isDirty(now)) return; // edited while it was being saved
    }
  }
  removeDocument(id);
}

/** Close the document that is shown, and all that lies over it, without asking: it cannot be drawn. */
export function leaveActive(): void {
  removeDocument(getState().active);
  setState({ settings: null, templatesShown: false, versionsOf: null, shown: null, compared: null, painting: null, question: null, drawer: null });
}
