import { Icon } from '../panels/icons';
import { chooseFile } from '../panels/chooseFile';
import { DEFAULT_WORKFLOW, openExample } from '../state/files';
import { showTemplates } from '../state/templates';
import { TEXT } from '../text';

/** Three ways to begin, shown while the canvas is empty. */
export function EmptyCanvas() {
  const { empty } = TEXT;
  return (
    <section className="empty-canvas" aria-label={empty.title}>
      <div className="choices">
        <button type="button" onClick={() => void openExample(DEFAULT_WORKFLOW)}><Icon name="spark" /><strong>{empty.picture}</strong><span>{empty.pictureHint}</span></button>
        <button type="button" onClick={() => showTemplates(true)}><Icon name="templates" /><strong>{empty.templates}</strong><span>{empty.templatesHint}</span></button>
        <button type="button" onClick={chooseFile}><Icon name="open" /><strong>{empty.file}</strong><span>{empty.fileHint}</span></button>
      </div>
      <p className="quiet keyboard-hint">{empty.hint}</p>
    </section>
  );
}
