import { useEffect, useState } from 'react';
import { errorSentence } from '../state/run';
import { restoreVersion } from '../state/library';
import { setState } from '../state/store';
import { compareWithNow, fetchVersions, type ShownDifference, type WorkflowVersion } from '../state/versions';
import { TEXT } from '../text';
import { dateWords } from './dates';
import { IconButton } from './icons';
import { Modal } from './Modal';

function close(): void {
  setState({ versionsOf: null });
}

/** What is different in one node: a sign and a word for how, and the differences. */
function DifferenceItem({ kind, title, lines }: ShownDifference) {
  const { signs, kinds } = TEXT.difference;
  return (
    <li className={`difference ${kind}`}>
      <span className="sign" aria-hidden="true">{signs[kind]}</span>
      <div>
        {title !== '' && <p><strong>{title}</strong> <span className="quiet">{kinds[kind]}</span></p>}
        {lines.map((line) => <p key={line}>{line}</p>)}
      </div>
    </li>
  );
}

function DifferenceList({ found }: { found: readonly ShownDifference[] | string | null }) {
  const { saving } = TEXT;
  if (found === null) return <p className="quiet">{saving.loading}</p>;
  if (typeof found === 'string') return <p role="alert">{found}</p>;
  if (found.length === 0) return <p className="quiet">{saving.same}</p>;
  return <ul aria-label={saving.showDifferences}>{found.map((each, at) => <DifferenceItem key={at} {...each} />)}</ul>;
}

function Version({ name, version }: { name: string; version: WorkflowVersion }) {
  const [found, setFound] = useState<readonly ShownDifference[] | string | null>(null);
  const { saving } = TEXT;
  const compare = (isOpen: boolean): void => {
    if (isOpen && found === null) void compareWithNow(name, version.saved_ms).then(setFound);
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
        <DifferenceList found={found} />
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
