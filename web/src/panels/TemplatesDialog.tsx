import '../styles/templates.css';
import { useState } from 'react';
import type { WorkflowEntry } from '../api/wire';
import { findByName } from '../commands/find';
import { commandFor, pageOf, type NeededFile } from '../graph/neededFiles';
import { openSaved } from '../state/saving';
import { useStore } from '../state/store';
import { copyCommand, showTemplates, templatesOf } from '../state/templates';
import { TEXT, type Language } from '../text';
import { DE_TEMPLATES } from '../text/de_templates';
import { EN_TEMPLATES, type TemplateWords } from '../text/en_templates';
import { IconButton } from './icons';
import { Modal } from './Modal';
import { needWords, useFiles } from './Template';
import { TemplatePicture } from './TemplatePicture';

const WORDS: Readonly<Record<Language, TemplateWords>> = { en: EN_TEMPLATES, de: DE_TEMPLATES };

function close(): void {
  showTemplates(false);
}

/** A file that is missing, where it belongs, and how to get it. */
function MissingFile({ file, words }: { file: NeededFile; words: TemplateWords }) {
  const page = pageOf(file);
  return (
    <li className="file missing">
      <span className="file-name">{file.name}</span><span className="file-state">{words.missing}: {words.into(file.folder)}</span>
      {page && (
        <span className="file-ways">
          <button type="button" className="link-button" aria-label={words.copy(file.name)} title={commandFor(file)} onClick={() => void copyCommand(commandFor(file))}>{words.copyShort}</button>
          <a href={page} target="_blank" rel="noreferrer" aria-label={words.page(file.name)}>{words.pageShort}</a>
        </span>
      )}
    </li>
  );
}

function Files({ files, title, words }: { files: readonly NeededFile[]; title: string; words: TemplateWords }) {
  if (files.every(({ isHere }) => isHere)) return <p className="template-state ready">{needWords(files)}</p>;
  return (
    <details className="template-files">
      <summary className="template-state">{needWords(files)}</summary>
      <ul aria-label={words.files(title)}>
        {files.map((file) => (file.isHere
          ? <li key={file.name} className="file"><span className="file-name">{file.name}</span><span className="file-state">✓ {words.here}</span></li>
          : <MissingFile key={file.name} file={file} words={words} />))}
      </ul>
    </details>
  );
}

function Card({ entry: { name, title }, words }: { entry: WorkflowEntry; words: TemplateWords }) {
  const files = useFiles(name);
  const open = (): void => {
    close();
    void openSaved(name);
  };
  return (
    <li className="template-card">
      <button type="button" className="template-open" aria-label={words.open(title)} onClick={open}>
        <TemplatePicture name={name} />
        <strong>{title}</strong>
      </button>
      {words.about[name] !== undefined && <p>{words.about[name]}</p>}
      {files === null ? <p className="quiet">{TEXT.templates.looking}</p> : <Files files={files} title={title} words={words} />}
    </li>
  );
}

/** All templates: what each does, shows and needs. */
export function TemplatesDialog() {
  const workflows = useStore((s) => s.workflows);
  const language = useStore((s) => s.language);
  const [query, setQuery] = useState('');
  const words = WORDS[language];
  const found = findByName(templatesOf(workflows), query, ({ name, title }) => `${title} ${words.about[name] ?? ''}`);
  return (
    <Modal className="templates-dialog" label={words.title} onClose={close}>
      <div className="drawer-head"><h2>{words.title}</h2><IconButton icon="close" label={TEXT.actions.close} onClick={close} /></div>
      <input type="search" data-first className="search" aria-label={words.search} placeholder={words.search} value={query} onChange={(event) => setQuery(event.currentTarget.value)} />
      <div className="template-cards">
        {found.length === 0 ? <p className="quiet">{words.none}</p> : <ul>{found.map((entry) => <Card key={entry.name} entry={entry} words={words} />)}</ul>}
        <p className="quiet">{words.all}</p>
      </div>
    </Modal>
  );
}
