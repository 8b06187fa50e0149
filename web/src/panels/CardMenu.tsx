import { useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { cardElement } from '../canvas/focus';
import { getState, setState, useStore, type CardMenu as Menu } from '../state/store';
import { TEXT } from '../text';
import { contentOf, inputItems, type MenuItem } from './menuItems';

const EDGE = 12;

function close(): void {
  setState({ menu: null });
}

/** The focus goes back to where the menu was opened, unless the chosen item took it elsewhere. */
function useFocusBack(node: string | undefined): void {
  // As it is while this is drawn for the first time: the menu takes the focus after that.
  const [opener] = useState(() => document.activeElement);
  useEffect(() => () => {
    // Once the menu is gone, and with it the focus if nothing else took it.
    setTimeout(() => {
      if (document.activeElement !== document.body) return;
      const back = opener instanceof HTMLElement && opener !== document.body && opener.isConnected ? opener : node === undefined ? null : cardElement(node);
      back?.focus({ preventScroll: true });
    });
  }, [opener, node]);
}

interface PageProps {
  label: string;
  items: readonly MenuItem[];
  onOpen: (items: readonly MenuItem[]) => void;
  onBack: (() => void) | undefined;
}

function Page({ label, items, onOpen, onBack }: PageProps) {
  const list = useRef<HTMLDivElement>(null);
  useEffect(() => {
    list.current?.querySelector('button')?.focus();
  }, [items]);
  const choose = (item: MenuItem): void => {
    if (item.items) {
      onOpen(item.items);
      return;
    }
    item.run?.();
    close();
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    const buttons = [...(list.current?.querySelectorAll('button') ?? [])];
    const at = buttons.findIndex((button) => button === document.activeElement);
    if (step !== 0) buttons[(at + step + buttons.length) % buttons.length]?.focus();
    if (event.key === 'Home') buttons[0]?.focus();
    if (event.key === 'End') buttons.at(-1)?.focus();
    const item = items[onBack ? at - 1 : at];
    if (event.key === 'ArrowRight' && item?.items) onOpen(item.items);
    if (event.key === 'ArrowLeft') onBack?.();
    if (event.key === 'Escape' || event.key === 'Tab') close();
    if (event.key.startsWith('Arrow')) event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div role="menu" aria-label={label} ref={list} onKeyDown={onKeyDown}>
      {onBack && <button type="button" role="menuitem" onClick={onBack}><span>‹ {TEXT.canvas.menu.back}</span></button>}
      {items.map((item) => (
        <button
          type="button" role="menuitem" key={item.label} aria-haspopup={item.items ? 'menu' : undefined}
          className={item.isDanger ? 'danger' : ''} onClick={() => choose(item)}
        >
          <span>{item.swatch !== undefined && <i className="swatch" style={{ background: item.swatch }} />}{item.label}</span>
          <kbd aria-hidden="true">{item.items ? '›' : item.keys}</kbd>
        </button>
      ))}
    </div>
  );
}

function OpenMenu({ menu }: { menu: Menu }) {
  const box = useRef<HTMLDivElement>(null);
  const [page, setPage] = useState<readonly MenuItem[] | null>(() => {
    const node = menu.page && getState().graph.nodes[menu.node ?? ''];
    return node ? inputItems(node) : null;
  });
  useFocusBack(menu.node);
  // A menu acts on the selection, and its card is part of it.
  useEffect(() => {
    if (menu.node !== undefined && !getState().selection.has(menu.node)) setState({ selection: new Set([menu.node]), linkSelection: new Set() });
  }, [menu]);
  useEffect(() => {
    const { current } = box;
    if (!current) return;
    current.style.left = `${Math.max(EDGE, Math.min(menu.x, window.innerWidth - current.offsetWidth - EDGE))}px`;
    current.style.top = `${Math.max(EDGE, Math.min(menu.y, window.innerHeight - current.offsetHeight - EDGE))}px`;
  }, [menu, page]);
  useStore((s) => s.graph.nodes[menu.node ?? '']);
  useStore((s) => s.selection.size > 1);
  const content = contentOf(menu);
  if (!content) return null;
  return (
    <div className="menu" ref={box} style={{ left: menu.x, top: menu.y }}>
      <Page label={content.label} items={page ?? content.items} onOpen={setPage} onBack={page ? () => setPage(null) : undefined} />
    </div>
  );
}

/** The menu of a card, a link, a group or the canvas. */
export function CardMenu() {
  const menu = useStore((s) => s.menu);
  if (!menu) return null;
  return (
    <div
      className="backdrop clear" onPointerDown={(event) => event.target === event.currentTarget && close()}
      onContextMenu={(event) => {
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      <OpenMenu key={`${menu.x}/${menu.y}/${menu.node ?? ''}`} menu={menu} />
    </div>
  );
}
