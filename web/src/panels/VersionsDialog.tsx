import { useEffect, useState } from 'react';
import { errorSentence } from '../state/run';
import { restoreVersion } from '../state/saving';
import { setState } from '../state/store';
import { compareWithNow, fetchVersions, type WorkflowVersion } from '../state/versions';
import { TEXT } from '../text';
import { IconButton } from './icons';
import { Modal } from './Modal';
import { dateWords } from './WorkflowList';

function close(): void {
  setState({ versionsOf: null });
}

function Version({ name, version }: { name: string; version: WorkflowVersion }) {
  const [lines, setLines] = useState<readonly string[] | null>(null);
  const { saving } = TEXT;
  const compare = (isOpen: boolean): void => {
    if (isOpen && lines === null) compareWithNow(name, version.saved_ms).then((found) => setLines(found.length > 0 ? found : [saving.same]), (error: unknown) => setLines([errorSentence(error)]));
  };
  const bringBack = (): void => {
    close();
    void restoreVersion(name, version.saved_ms);
  };
  const when = dateWords(version.saved_ms);
  return (
    <li>
      <div className="version-head"><strong>{when}</strong><button type="button" aria-label={`${saving.restore}: ${when}`} onClick={bringBack}>{saving.restore}</button></div>
      <details onToggle={(event) => compare(event.currentTarget.open)}>
        <summary>{saving.showDifferences}</summary>
        {lines === null ? <p className="quiet">{saving.loading}</p> : <ul>{lines.map((line) => <li key={line}>{line}</li>)}</ul>}
      </details>
    </li>
  );
}

/** Earlier versions of a saved workflow: what was different, and bringing one back. */
export function VersionsDialog({ name }: { name: string }) {
  const [versions, setVersions] = useState<readonly WorkflowVersion[] | string | null>(null);
  const { saving } = TEXT;
  useEffect(() => {
    fetchVersions(name).then(setVersions, (error: unknown) => setVersions(errorSentence(error)));
  }, [name]);
  return (
    <Modal className="settings" label={saving.versions(name)} onClose={close}>
      <div className="drawer-head"><h2>{saving.versions(name)}</h2><IconButton icon="close" label={TEXT.actions.close} onClick={close} /></div>
      <div className="settings-page">
        {versions === null && <p className="quiet">{saving.loading}</p>}
        {typeof versions === 'string' && <p role="alert">{versions}</p>}
        {typeof versions === 'object' && versions?.length === 0 && <p className="quiet">{saving.noVersions}</p>}
        <ul className="versions" aria-label={saving.versions(name)}>{typeof versions === 'object' && versions?.map((version) => <Version key={version.saved_ms} name={name} version={version} />)}</ul>
        <p className="quiet">{saving.kept}</p>
      </div>
    </Modal>
  );
}
