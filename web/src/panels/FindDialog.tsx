import { Command as Menu } from 'cmdk';
import { useMemo, useState } from 'react';
import { focusCard } from '../canvas/focus';
import { findNodes, type FoundNode } from '../graph/findNodes';
import { rootOf } from '../graph/levels';
import { requestFit } from '../state/camera';
import { openLevelOf } from '../state/levels';
import { setState, useStore } from '../state/store';
import { TEXT } from '../text';
import { Modal } from './Modal';

/** Results shown at once; more words narrow the rest. */
const SHOWN = 60;

function close(): void {
  setState({ palette: null });
}

/** Show a card, wherever in the document it is, and give it the focus. */
function goTo({ path }: FoundNode): void {
  close();
  const id = openLevelOf(path);
  setState({ simple: false, selection: new Set([id]), linkSelection: new Set() });
  requestFit([id]);
  requestAnimationFrame(() => focusCard(id));
}

function FoundItem({ found }: { found: FoundNode }) {
  const { title, node, within, excerpt, path } = found;
  return (
    <Menu.Item value={path} onSelect={() => goTo(found)}>
      <span className="name">{TEXT.card.label(title, node.id)}</span>
      <span className="type">{excerpt || within.join(' › ') || (node.type === title ? '' : node.type)}</span>
    </Menu.Item>
  );
}

/** Search for a card of the open workflow by its title, type, number or texts. */
export function FindDialog() {
  const [query, setQuery] = useState('');
  const graph = useStore((s) => s.graph);
  const schema = useStore((s) => s.schema);
  const found = useMemo(() => findNodes(rootOf(graph), schema, query), [graph, schema, query]);
  const { palette } = TEXT;
  return (
    <Modal className="palette" label={palette.findTitle} onClose={close}>
      <Menu label={palette.find} shouldFilter={false} loop>
        <Menu.Input autoFocus value={query} onValueChange={setQuery} placeholder={palette.find} />
        <p className="quiet found" role="status">{found.length === 0 ? palette.none : palette.found(found.length)}</p>
        <Menu.List label={palette.results}>
          {found.slice(0, SHOWN).map((each) => <FoundItem key={each.path} found={each} />)}
        </Menu.List>
      </Menu>
    </Modal>
  );
}
