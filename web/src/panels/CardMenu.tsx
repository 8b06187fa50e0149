import { useEffect, useRef, type KeyboardEvent } from 'react';
import { readClipboard } from '../graph/clipboard';
import { copySelection, deleteSelection, editNode, paste, toggleSelectionMode } from '../state/edits';
import { isSubgraph, openNode, packSelection, unpackSelection } from '../state/levels';
import { getState, setState, useStore, type CardMenu as Menu } from '../state/store';
import { TEXT } from '../text';

function close(): void {
  setState({ menu: null });
}

/** Duplicate the selection a little to the lower right. */
export function duplicateSelection(): void {
  const { schema, selection, graph } = getState();
  const copied = readClipboard(copySelection(), schema);
  if (!copied) return;
  const xs = [...selection].flatMap((id) => graph.nodes[id]?.position.x ?? []);
  const ys = [...selection].flatMap((id) => graph.nodes[id]?.position.y ?? []);
  paste(copied, { x: (Math.min(...xs) + Math.max(...xs)) / 2 + 40, y: (Math.min(...ys) + Math.max(...ys)) / 2 + 40 });
}

function MenuItems({ menu }: { menu: Menu }) {
  const node = useStore((s) => s.graph.nodes[menu.node]);
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.querySelector('button')?.focus();
  }, []);
  if (!node) return null;
  const { actions } = TEXT;
  const onThis = (action: () => void) => (): void => {
    if (!getState().selection.has(node.id)) setState({ selection: new Set([node.id]), linkSelection: new Set() });
    action();
    close();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    const buttons = [...(list.current?.querySelectorAll('button') ?? [])];
    const at = buttons.findIndex((button) => button === document.activeElement);
    if (step !== 0) buttons[(at + step + buttons.length) % buttons.length]?.focus();
    if (event.key === 'Escape' || event.key === 'Tab') close();
    event.stopPropagation();
  };
  const items: [string, () => void, string][] = [
    [node.collapsed ? actions.unfold : actions.fold, () => editNode(node.id, { collapsed: !node.collapsed }), ''],
    [node.mode === 'muted' ? actions.unmute : actions.mute, () => toggleSelectionMode('muted'), 'Ctrl M'],
    [node.mode === 'bypassed' ? actions.unbypass : actions.bypass, () => toggleSelectionMode('bypassed'), 'Ctrl B'],
    ...(isSubgraph(getState().graph, node.id)
      ? [[TEXT.subgraph.open, () => openNode(node.id), 'Enter'], [TEXT.subgraph.unpack, unpackSelection, '']] satisfies [string, () => void, string][] : []),
    [TEXT.subgraph.pack, packSelection, 'Ctrl G'],
    [actions.duplicate, duplicateSelection, 'Ctrl D'],
    [actions.remove, deleteSelection, 'Del'],
  ];
  const left = Math.min(menu.x, window.innerWidth - 200);
  const top = Math.min(menu.y, window.innerHeight - 300);
  return (
    <div className="menu" role="menu" aria-label={TEXT.fields.menu(node.title || node.type)} ref={list} style={{ left, top }} onKeyDown={onKeyDown}>
      {items.map(([label, action, keys]) => (
        <button type="button" role="menuitem" key={label} aria-label={label} className={label === actions.remove ? 'danger' : ''} onClick={onThis(action)}>
          <span>{label}</span><kbd aria-hidden="true">{keys}</kbd>
        </button>
      ))}
    </div>
  );
}

/** The menu of one card. */
export function CardMenu() {
  const menu = useStore((s) => s.menu);
  if (!menu) return null;
  return <div className="backdrop clear" onPointerDown={(event) => event.target === event.currentTarget && close()}><MenuItems menu={menu} /></div>;
}
