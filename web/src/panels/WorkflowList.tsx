import { useState } from 'react';
import type { WorkflowEntry } from '../api/wire';
import { findByName } from '../commands/find';
import { useKeyWords } from '../commands/hints';
import { openSaved, plainName, removeSaved, renameSaved } from '../state/saving';
import { setState, useStore } from '../state/store';
import { showTemplates, templatesOf } from '../state/templates';
import { isNarrow } from '../state/ui';
import { TEXT } from '../text';
import { chooseFile } from './chooseFile';
import { IconButton } from './icons';
import { Template } from './Template';

function open(name: string): void {
  void openSaved(name);
  if (isNarrow()) setState({ drawer: null });
}

/** When something was saved, in words of the reader's language. */
export function dateWords(ms: number): string {
  return new Date(ms).toLocaleString(document.documentElement.lang, { dateStyle: 'medium', timeStyle: 'short' });
}

function SavedRow({ entry }: { entry: WorkflowEntry }) {
  const { name, etag } = entry;
  const { saving } = TEXT;
  return (
    <li className="saved">
      <button type="button" className="row" onClick={() => open(name)}>
        <span className="saved-words"><span>{plainName(name)}</span><span className="quiet">{dateWords(entry.modified_ms)}</span></span>
      </button>
      <IconButton icon="history" label={saving.versions(name)} className="small" onClick={() => setState({ versionsOf: name })} />
      <IconButton icon="pen" label={saving.rename(name)} className="small" onClick={() => void renameSaved(name)} />
      <IconButton icon="close" label={saving.remove(name)} className="small" onClick={() => void removeSaved(name, etag)} />
    </li>
  );
}

/** Workflows by their folder, those without one first. */
function byFolder(entries: readonly WorkflowEntry[]): [string, WorkflowEntry[]][] {
  const folders: Record<string, WorkflowEntry[]> = {};
  for (const entry of entries) (folders[entry.name.slice(0, Math.max(0, entry.name.lastIndexOf('/')))] ??= []).push(entry);
  return Object.entries(folders).sort(([a], [b]) => a.localeCompare(b));
}

/** The workflows of the server: one's own by folder, and the templates. */
export function WorkflowList() {
  const workflows = useStore((s) => s.workflows);
  const [query, setQuery] = useState('');
  const keys = useKeyWords('save');
  const found = findByName(workflows, query, ({ title }) => title);
  const own = found.filter((entry) => !entry.is_example);
  const templates = templatesOf(found);
  const { workflows: words, saving } = TEXT;
  return (
    <>
      <input type="search" className="search" aria-label={words.search} placeholder={words.search} value={query} onChange={(event) => setQuery(event.currentTarget.value)} />
      <div className="scroll">
        <button type="button" className="row strong" onClick={chooseFile}>{words.file}</button>
        <button type="button" className="row strong" onClick={() => showTemplates(true)}>{words.allTemplates}</button>
        <section aria-label={saving.mine}>
          <h3>{saving.mine}</h3>
          {own.length === 0 && <p className="quiet">{query === '' ? saving.none(keys) : words.nothing}</p>}
          {byFolder(own).map(([folder, entries]) => (
            <div key={folder}>
              {folder !== '' && <h4>{folder}/</h4>}
              <ul aria-label={folder || saving.mine}>{entries.map((entry) => <SavedRow key={entry.name} entry={entry} />)}</ul>
            </div>
          ))}
        </section>
        <section aria-label={words.examples}>
          <h3>{words.examples}</h3>
          {workflows.length === 0 && <p className="quiet">{words.none}</p>}
          <ul className="templates">{templates.map(({ name, title }) => <li key={name}><Template name={name} title={title} onOpen={() => open(name)} /></li>)}</ul>
        </section>
      </div>
    </>
  );
}
