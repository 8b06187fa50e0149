import { Command as Menu } from 'cmdk';
import { useMemo, useState, type CSSProperties, type ReactNode } from 'react';
import { categoryColor } from '../canvas/colors';
import { focusCard } from '../canvas/focus';
import { shownChord } from '../commands/chords';
import { findByName, fitOf } from '../commands/find';
import { COMMANDS, isEnabled, keysOf, type Command } from '../commands/registry';
import { searchSpecs } from '../graph/search';
import type { NodeSpec } from '../graph/schema';
import { place } from '../state/edits';
import { isPublished, placePublished, publishedTitle } from '../state/published';
import { openSaved } from '../state/saving';
import { getState, setState, useStore, type PaletteRequest } from '../state/store';
import { TEXT } from '../text';
import { Modal } from './Modal';

/** Results of a kind shown at once; the search narrows the rest. */
const SHOWN = 60;
const SHOWN_OTHERS = 8;

function close(): void {
  setState({ palette: null });
}

/** The card just added has the focus, so that keys go on from there once the dialog is gone. */
function focusAdded(): void {
  const [id] = getState().selection;
  if (id !== undefined) requestAnimationFrame(() => focusCard(id));
}

function choose(spec: NodeSpec, request: PaletteRequest): void {
  place(spec, request);
  focusAdded();
}

function NodeItem({ spec, request }: { spec: NodeSpec; request: PaletteRequest }) {
  return (
    <Menu.Item value={`node/${spec.type}`} style={{ '--stripe': categoryColor(spec.category) } as CSSProperties} onSelect={() => choose(spec, request)}>
      <span className="swatch" aria-hidden="true" />
      <span className="name">{spec.title}</span>
      <span className="type" aria-hidden="true">{spec.title === spec.type ? spec.categoryTitle : spec.type}</span>
    </Menu.Item>
  );
}

function CommandItem({ command }: { command: Command }) {
  const [chord] = useStore((s) => keysOf(command, s.keys));
  const choose = (): void => {
    close();
    command.run();
  };
  return (
    <Menu.Item value={`command/${command.id}`} onSelect={choose}>
      <span className="name">{TEXT.commands[command.id]}</span>
      {chord !== undefined && <kbd className="keys" aria-hidden="true">{shownChord(chord, TEXT.keys)}</kbd>}
    </Menu.Item>
  );
}

function WorkflowItem({ name, title }: { name: string; title: string }) {
  const open = (): void => {
    close();
    void openSaved(name);
  };
  return <Menu.Item value={`workflow/${name}`} onSelect={open}><span className="name">{TEXT.palette.openWorkflow(title)}</span></Menu.Item>;
}

function PublishedItem({ name, request }: { name: string; request: PaletteRequest }) {
  const choose = (): void => {
    close();
    void placePublished(name, request.at).then(focusAdded);
  };
  return <Menu.Item value={`published/${name}`} onSelect={choose}><span className="name">{publishedTitle(name)}</span></Menu.Item>;
}

interface Group {
  heading: string;
  /** How well its best entry fits. */
  fit: number;
  items: ReactNode[];
}

/** Commands and workflows that fit what was typed. */
function useOthers(query: string): Group[] {
  const workflows = useStore((s) => s.workflows);
  return useMemo(() => {
    const commands = findByName(COMMANDS.filter((command) => command.id !== 'palette' && isEnabled(command, getState())), query, ({ id }) => TEXT.commands[id]);
    const documents = findByName(workflows.filter((each) => !isPublished(each)), query, ({ title }) => title);
    const [command] = commands;
    const [document] = documents;
    return [
      {
        heading: TEXT.palette.commands, fit: command ? fitOf(TEXT.commands[command.id], query) : 0,
        items: commands.slice(0, SHOWN_OTHERS).map((each) => <CommandItem key={each.id} command={each} />),
      },
      {
        heading: TEXT.palette.workflows, fit: document ? fitOf(document.title, query) : 0,
        items: documents.slice(0, SHOWN_OTHERS).map((each) => <WorkflowItem key={each.name} {...each} />),
      },
    ];
  }, [workflows, query]);
}

/** Published subgraphs that fit what was typed. */
function usePublished(request: PaletteRequest, query: string): Group {
  const workflows = useStore((s) => s.workflows);
  const isOpenEnd = request.end !== undefined || request.replaces !== undefined;
  const found = isOpenEnd ? [] : findByName(workflows.filter(isPublished), query, ({ name }) => publishedTitle(name));
  const [best] = found;
  return {
    heading: TEXT.subgraph.mine, fit: best ? fitOf(publishedTitle(best.name), query) : 0,
    items: found.slice(0, SHOWN_OTHERS).map(({ name }) => <PublishedItem key={name} name={name} request={request} />),
  };
}

function useGroups(request: PaletteRequest, query: string): Group[] {
  const schema = useStore((s) => s.schema);
  const specs = useMemo(() => searchSpecs(schema, query, request.end).slice(0, SHOWN), [schema, query, request.end]);
  const others = useOthers(query);
  const published = usePublished(request, query);
  const [best] = specs;
  const nodes: Group = {
    heading: TEXT.actions.nodes, fit: best ? Math.max(1, fitOf(best.title, query)) : 0,
    items: specs.map((spec) => <NodeItem key={spec.type} spec={spec} request={request} />),
  };
  // Without words commands come first: there are few, and all nodes can be had in the drawer. Of equals nodes come first.
  const all = query === '' ? [...others, published, nodes] : [nodes, published, ...others].sort((a, b) => b.fit - a.fit);
  return (request.all === true ? all : [nodes, published]).filter(({ items }) => items.length > 0);
}

/** The palette: nodes; from the keyboard also commands and workflows. */
export function PaletteDialog({ request }: { request: PaletteRequest }) {
  const [query, setQuery] = useState('');
  const groups = useGroups(request, query);
  const label = request.all === true ? TEXT.palette.search : TEXT.fields.search;
  return (
    <Modal className="palette" label={request.all === true ? TEXT.palette.allTitle : TEXT.palette.title} onClose={close}>
      <Menu label={label} shouldFilter={false} loop>
        <Menu.Input autoFocus value={query} onValueChange={setQuery} placeholder={request.end ? TEXT.palette.fits(request.end.type) : label} />
        {groups.length === 0 && <p className="quiet" role="status">{TEXT.palette.none}</p>}
        <Menu.List label={TEXT.palette.results}>
          {groups.map(({ heading, items }) => <Menu.Group key={heading} heading={groups.length > 1 ? heading : undefined}>{items}</Menu.Group>)}
        </Menu.List>
      </Menu>
    </Modal>
  );
}
