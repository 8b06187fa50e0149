/** What the menus of cards, links, groups and the canvas offer. */
import { hintOf } from '../commands/hints';
import { commandNamed, type CommandId } from '../commands/registry';
import { COLORS, colorOf, isPinned } from '../graph/look';
import { linkInto, type GraphNode } from '../graph/model';
import { widgetInputs } from '../graph/schema';
import { isInSimpleView, togglePins } from '../graph/simple';
import { specOf } from '../graph/virtual';
import {
  alignSelection, editGroup, fitGroupToCards, paintSelection, rerouteLink, restackSelection, selectGroup, spreadSelection, ungroup,
} from '../state/arranging';
import { viewCentre } from '../state/camera';
import { useCanvasUi } from '../state/canvasUi';
import { commit, placeType, unlink } from '../state/edits';
import { toggleFed } from '../state/feeding';
import { isSubgraph, openNode } from '../state/levels';
import { publish } from '../state/published';
import { getState, setState, titleOf, type CardMenu } from '../state/store';
import { TEXT } from '../text';

export interface MenuItem {
  label: string;
  /** Without it the item opens `items`. */
  run?: () => void;
  items?: readonly MenuItem[];
  keys?: string | undefined;
  swatch?: string;
  isDanger?: boolean;
}

/** A command under the shorter name that says enough in a menu. */
function command(id: CommandId, label: string): MenuItem {
  return { label, run: commandNamed(id).run, keys: hintOf(id, getState().keys) };
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

/** The fields of a card: each can be fed by another card instead. */
export function inputItems(node: GraphNode): MenuItem[] {
  const { graph, schema } = getState();
  const spec = specOf(schema, node);
  return (spec ? widgetInputs(spec) : []).map(({ name, label }) => ({
    label: linkInto(graph, node.id, name) ? TEXT.feeding.back(label) : TEXT.feeding.feed(label), run: () => toggleFed(node.id, name),
  }));
}

function replace(node: GraphNode): void {
  setState({ palette: { at: node.position, replaces: node.id } });
}

/** Items of a card; they act on the whole selection. */
export function cardItems(node: GraphNode): MenuItem[] {
  const { actions, canvas: { menu } } = TEXT;
  const many = getState().selection.size > 1;
  return [
    command('fold', node.collapsed ? actions.unfold : actions.fold),
    command('mute', node.mode === 'muted' ? actions.unmute : actions.mute),
    command('bypass', node.mode === 'bypassed' ? actions.unbypass : actions.bypass),
    command('pin', isPinned(node) ? menu.unpin : menu.pin),
    { label: menu.colour, items: colors(paintSelection), ...(colorOf(node) ? { swatch: colorOf(node) } : {}) },
    { label: menu.order, items: [{ label: menu.front, run: () => restackSelection('front') }, { label: menu.behind, run: () => restackSelection('back') }] },
    ...(many ? [{ label: menu.align, items: alignItems() }] : [{ label: menu.replace, run: () => replace(node) }]),
    ...(many || inputItems(node).length === 0 ? [] : [{ label: TEXT.feeding.menu, items: inputItems(node) }]),
    ...(isSubgraph(getState().graph, node.id)
      ? [{ ...command('openSubgraph', TEXT.subgraph.open), run: () => void openNode(node.id) }, command('unpack', TEXT.subgraph.unpack), { label: TEXT.subgraph.publish, run: () => void publish(node.id) }] : []),
    command('pack', TEXT.subgraph.pack),
    command('group', menu.group),
    command('showSelection', menu.showSelection),
    { label: isInSimpleView(getState().graph, getState().schema, node.id) ? TEXT.simple.hide : TEXT.simple.pin, run: () => commit(togglePins(getState().graph, getState().schema, node.id)) },
    command('duplicate', actions.duplicate),
    command('duplicateFed', menu.duplicateFed),
    { ...command('remove', actions.remove), isDanger: true },
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

function canvasItems(): MenuItem[] {
  const { actions, canvas: { menu } } = TEXT;
  const at = getState().menu?.at ?? viewCentre();
  return [
    { ...command('palette', actions.addNode), run: () => setState({ palette: { at } }) },
    { label: menu.addNote, run: () => placeType('MarkdownNote', at) },
    command('undo', actions.undo), command('redo', actions.redo),
    command('find', TEXT.palette.findTitle),
    command('fit', actions.fit),
    command('tidy', actions.tidy),
    command('selectAll', menu.selectAll),
    command('picture', menu.picture),
  ];
}

/** What a menu is called, and what it offers; undefined where its card or group is gone. */
export function contentOf({ node, link, group }: CardMenu): { label: string; items: MenuItem[] } | undefined {
  const { graph } = getState();
  const { menu } = TEXT.canvas;
  const card = node === undefined ? undefined : graph.nodes[node];
  if (card) return { label: TEXT.fields.menu(TEXT.card.label(titleOf(getState(), card.id), card.id)), items: cardItems(card) };
  if (node !== undefined) return undefined;
  if (link !== undefined) return graph.links[link] && { label: menu.ofLink, items: linkItems(link) };
  const held = group === undefined ? undefined : graph.groups[group];
  if (group !== undefined) return held && { label: menu.ofGroup(held.title), items: groupItems(group) };
  return { label: menu.ofCanvas, items: canvasItems() };
}
