import { useEffect, useState } from 'react';
import { findByName } from '../commands/find';
import { useKeyWords } from '../commands/hints';
import { openSaved, relistWorkflows } from '../state/saving';
import { setState, useStore } from '../state/store';
import { showTemplates, templatesOf } from '../state/templates';
import { isNarrow } from '../state/ui';
import { TEXT } from '../text';
import { chooseFile } from './chooseFile';
import { DeletedWorkflows } from './DeletedWorkflows';
import { SavedWorkflows } from './SavedWorkflows';
import { Template } from './Template';

function open(name: string): void {
  void openSaved(name);
  if (isNarrow()) setState({ drawer: null });
}

/** The workflows of the server: one's own by folder, and the templates. */
export function WorkflowList() {
  const workflows = useStore((s) => s.workflows);
  const [query, setQuery] = useState('');
  const keys = useKeyWords('save');
  // Another window may have saved, moved or deleted some.
  useEffect(() => void relistWorkflows(), []);
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
          <SavedWorkflows entries={own} onOpen={open} />
          {own.length === 0 && <p className="quiet">{query === '' ? saving.none(keys) : words.nothing}</p>}
          <DeletedWorkflows />
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
