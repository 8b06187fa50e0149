import { useMemo, useState, type CSSProperties } from 'react';
import { findByName } from '../commands/find';
import { byCategory, searchSpecs } from '../graph/search';
import type { NodeSpec } from '../graph/schema';
import { SUBGRAPH_CATEGORY } from '../graph/subgraphSpec';
import { categoryColor } from '../canvas/colors';
import { placeType } from '../state/edits';
import { viewCentre } from '../state/camera';
import { isPublished, placePublished, publishedTitle } from '../state/published';
import { setState, useStore } from '../state/store';
import { isNarrow } from '../state/ui';
import { TEXT } from '../text';
import { IconButton } from './icons';
import { SaveState } from './SaveState';
import { WorkflowList } from './WorkflowList';

function closeOnPhone(): void {
  if (isNarrow()) setState({ drawer: null });
}

function NodeButton({ spec }: { spec: NodeSpec }) {
  return (
    <button
      type="button" className="row" draggable title={spec.help || spec.type} style={{ '--stripe': categoryColor(spec.category) } as CSSProperties}
      onDragStart={(event) => event.dataTransfer.setData('application/x-node-type', spec.type)}
      onClick={() => {
        placeType(spec.type, viewCentre());
        closeOnPhone();
      }}
    >
      <span className="swatch" aria-hidden="true" />{spec.title}
    </button>
  );
}

/** Subgraphs of one's own. They are renamed and removed among the workflows, where they are saved. */
function PublishedList({ query }: { query: string }) {
  const workflows = useStore((s) => s.workflows);
  const found = findByName(workflows.filter(isPublished), query, ({ name }) => publishedTitle(name));
  if (found.length === 0) return null;
  const choose = (name: string): void => {
    void placePublished(name, viewCentre());
    closeOnPhone();
  };
  return (
    <section aria-label={TEXT.subgraph.mine}>
      <h3>{TEXT.subgraph.mine}</h3>
      {found.map(({ name }) => <button type="button" key={name} className="row" onClick={() => choose(name)}><span className="swatch" aria-hidden="true" />{publishedTitle(name)}</button>)}
    </section>
  );
}

function sectionTitle(category: string, title: string): string {
  return category === SUBGRAPH_CATEGORY ? TEXT.subgraph.ofDocument : title;
}

function NodeList() {
  const schema = useStore((s) => s.schema);
  const [query, setQuery] = useState('');
  const found = useMemo(() => searchSpecs(schema, query), [schema, query]);
  const groups = useMemo(() => byCategory(found), [found]);
  return (
    <>
      <input type="search" className="search" aria-label={TEXT.fields.search} placeholder={TEXT.fields.search} value={query} onChange={(event) => setQuery(event.currentTarget.value)} />
      <div className="scroll">
        <PublishedList query={query} />
        {found.length === 0 && <p className="quiet">{TEXT.palette.none}</p>}
        {groups.map(({ category, title, specs }) => (
          <section key={category} aria-label={sectionTitle(category, title)}>
            <h3>{sectionTitle(category, title)}</h3>
            {specs.map((spec) => <NodeButton key={spec.type} spec={spec} />)}
          </section>
        ))}
      </div>
    </>
  );
}

/** What the rail opens: it pushes the canvas aside and never covers it. */
export function DrawerPanel() {
  const drawer = useStore((s) => s.drawer);
  if (!drawer) return null;
  const title = drawer === 'nodes' ? TEXT.actions.nodes : TEXT.actions.workflows;
  return (
    <aside className="drawer" aria-label={title}>
      <div className="drawer-head"><h2>{title}</h2><IconButton icon="close" label={TEXT.actions.close} onClick={() => setState({ drawer: null })} /></div>
      {/* Phones have no status line that would say it. */}
      {drawer === 'workflows' && <p className="drawer-saved"><SaveState /></p>}
      {drawer === 'nodes' ? <NodeList /> : <WorkflowList />}
    </aside>
  );
}
