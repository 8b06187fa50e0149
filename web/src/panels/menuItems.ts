/** What the menus of cards, links, groups and the canvas offer. */
import { COLORS, colorOf, isPinned } from '../graph/look';
import type { GraphNode } from '../graph/model';
import { isInSimpleView, togglePins } from '../graph/simple';
import {
  alignSelection, duplicateBeside, editGroup, fitGroupToCards, groupSelection, paintSelection, pinSelection, rerouteLink, restackSelection,
  selectGroup, showSelection, spreadSelection, ungroup,
} from '../state/arranging';
import { requestFit, viewCentre } from '../state/camera';
import { useCanvasUi } from '../state/canvasUi';
import { commit, deleteSelection, editNode, placeType, selectAll, tidy, toggleSelectionMode, unlink } from '../state/edits';
import { isSubgraph, openNode, packSelection, unpackSelection } from '../state/levels';
import { publish } from '../state/published';
import { getState, setState, type CardMenu } from '../state/store';
import { TEXT } from '../text';

export interface MenuItem {
  label: string;
  /** Without it the item opens `items`. */
  run?: () => void;
  items?: readonly MenuItem[];
  keys?: string;
  swatch?: string;
  isDanger?: boolean;
}

function colors(apply: (color: string) => void): MenuItem[] {
  const { menu, colours } = TEXT.canvas;
  const items = COLORS.map((color, at) => ({ label: menu.colourNamed(colours[at] ?? color), swatch: color, run: () => apply(color) }));
  return [...items, { label: menu.noColour, run: () => apply('') }];
}

function alignItems(): MenuItem[] {
  const { menu } = TEXT.canvas;
  const edges = (['left', 'centre', 'right', 'top', 'middle', 'bottom'] as const).map((edge) => ({ label: menu[edge], run: () => alignSelection(edge) }));
  return [...edges, { label: menu.spreadX, run: () => spreadSelection('x') }, { label: menu.spreadY, run: () => spreadSelection('y') }];
}

function replace(node: GraphNode): void {
  setState({ palette: { at: node.position, replaces: node.id } });
}

/** Items of a card; they act on the whole selection. */
export function cardItems(node: GraphNode): MenuItem[] {
  const { actions, canvas: { menu } } = TEXT;
  const many = getState().selection.size > 1;
  return [
    { label: node.collapsed ? actions.unfold : actions.fold, run: () => editNode(node.id, { collapsed: !node.collapsed }) },
    { label: node.mode === 'muted' ? actions.unmute : actions.mute, run: () => toggleSelectionMode('muted'), keys: 'Ctrl M' },
    { label: node.mode === 'bypassed' ? actions.unbypass : actions.bypass, run: () => toggleSelectionMode('bypassed'), keys: 'Ctrl B' },
    { label: isPinned(node) ? menu.unpin : menu.pin, run: pinSelection },
    { label: menu.colour, items: colors(paintSelection), ...(colorOf(node) ? { swatch: colorOf(node) } : {}) },
    { label: menu.order, items: [{ label: menu.front, run: () => restackSelection('front') }, { label: menu.behind, run: () => restackSelection('back') }] },
    ...(many ? [{ label: menu.align, items: alignItems() }] : [{ label: menu.replace, run: () => replace(node) }]),
    ...(isSubgraph(getState().graph, node.id)
      ? [{ label: TEXT.subgraph.open, run: () => void openNode(node.id), keys: 'Enter' }, { label: TEXT.subgraph.unpack, run: unpackSelection }, { label: TEXT.subgraph.publish, run: () => void publish(node.id) }] : []),
    { label: TEXT.subgraph.pack, run: packSelection, keys: 'Ctrl G' },
    { label: menu.group, run: groupSelection, keys: 'G' },
    { label: menu.showSelection, run: showSelection, keys: 'Shift F' },
    { label: isInSimpleView(getState().graph, getState().schema, node.id) ? TEXT.simple.hide : TEXT.simple.pin, run: () => commit(togglePins(getState().graph, getState().schema, node.id)) },
    { label: actions.duplicate, run: () => duplicateBeside(false), keys: 'Ctrl D' },
    { label: menu.duplicateFed, run: () => duplicateBeside(true), keys: 'Ctrl Shift D' },
    { label: actions.remove, run: deleteSelection, keys: 'Del', isDanger: true },
  ];
}

function linkItems(link: string): MenuItem[] {
  const { menu } = TEXT.canvas;
  const at = getState().menu?.at ?? viewCentre();
  return [{ label: menu.reroute, run: () => rerouteLink(link, at) }, { label: menu.unlink, run: () => unlink([link]), isDanger: true }];
}

function groupItems(at: number): MenuItem[] {
  const { menu } = TEXT.canvas;
  return [
    { label: TEXT.actions.rename, run: () => useCanvasUi.setState({ renaming: at }), keys: 'F2' },
    { label: menu.colour, items: colors((color) => editGroup(at, { color })) },
    { label: menu.fitGroup, run: () => fitGroupToCards(at) },
    { label: menu.selectContents, run: () => selectGroup(at) },
    { label: menu.ungroup, run: () => ungroup(at), isDanger: true },
  ];
}

/** Download the graph as a picture. */
export function savePicture(): void {
  void import('../canvas/picture').then(({ savePictureOfGraph }) => savePictureOfGraph());
}

function canvasItems(): MenuItem[] {
  const { actions, canvas: { menu } } = TEXT;
  const at = getState().menu?.at ?? viewCentre();
  return [
    { label: actions.addNode, run: () => setState({ palette: { at } }), keys: 'Ctrl K' },
    { label: menu.addNote, run: () => placeType('MarkdownNote', at) },
    { label: actions.fit, run: () => requestFit(), keys: 'F' },
    { label: actions.tidy, run: tidy },
    { label: menu.selectAll, run: selectAll, keys: 'Ctrl A' },
    { label: menu.picture, run: savePicture },
  ];
}

/** What a menu is called, and what it offers; undefined where its card or group is gone. */
export function contentOf({ node, link, group }: CardMenu): { label: string; items: MenuItem[] } | undefined {
  const { graph } = getState();
  const { menu } = TEXT.canvas;
  const card = node === undefined ? undefined : graph.nodes[node];
  if (card) return { label: TEXT.fields.menu(card.title || card.type), items: cardItems(card) };
  if (node !== undefined) return undefined;
  if (link !== undefined) return graph.links[link] && { label: menu.ofLink, items: linkItems(link) };
  const held = group === undefined ? undefined : graph.groups[group];
  if (group !== undefined) return held && { label: menu.ofGroup(held.title), items: groupItems(group) };
  return { label: menu.ofCanvas, items: canvasItems() };
}
