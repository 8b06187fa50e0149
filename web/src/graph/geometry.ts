/**
 * Where everything on a card stands, from its schema alone.
 *
 * Cards declare size and sockets before they are drawn, so the canvas can leave out what is not visible and links meet
 * their sockets at first paint. The style sheet uses the same numbers.
 */
import { foldedInputs, wiredAdvanced } from './advanced';
import { asText } from './json';
import type { Graph, GraphNode, Size } from './model';
import type { InputSpec, NodeSpec, Schema, Widget } from './schema';
import { isNote, specOf } from './virtual';

export const HEADER = 36;
export const PAD = 6;
export const ROW = 24;
export const FIELD = 28;
export const GAP = 4;
export const FOOTER = 26;
const TEXT_AREA = 88;
const THUMBNAIL = 132;
const PREVIEW = 150;
const NOTICE = 40;
/** Height of the line that unfolds what is folded away. */
export const MORE = 22;
export const MIN_WIDTH = 180;
export const MAX_WIDTH = 520;
/** Cards with pictures may be wider, and their pictures this much taller than wide; the viewer shows them in full. */
export const MAX_PICTURE_WIDTH = 640;
const MAX_PICTURE_RATIO = 1.25;
const REROUTE: Size = { width: 72, height: 28 };

export interface Socket {
  /** Input name, or output slot number as text. */
  key: string;
  name: string;
  label: string;
  type: string;
  help: string;
  /** Vertical centre from the card's top edge. */
  y: number;
  onWidget: boolean;
  optional: boolean;
}

export interface WidgetRow {
  input: InputSpec & { widget: Widget };
  height: number;
}

export interface CardLayout extends Size {
  inputs: readonly Socket[];
  outputs: readonly Socket[];
  widgets: readonly WidgetRow[];
  /** Height of the picture area, 0 where there is none. */
  picture: number;
  /** Inputs folded away; undefined where nothing can be folded or unfolded. */
  more: number | undefined;
  minHeight: number;
}

/** Whether the node shows pictures it was given (SaveImage, PreviewImage). */
export function showsPictures(spec: NodeSpec | undefined): boolean {
  return spec?.isOutput === true && spec.inputs.some((input) => input.type === 'IMAGE');
}

function isTall(widget: Widget): boolean {
  return widget.kind === 'text' && widget.multiline;
}

function widgetHeight(widget: Widget): number {
  if (isTall(widget)) return TEXT_AREA;
  return widget.kind === 'file' ? FIELD + GAP + THUMBNAIL : FIELD;
}

/** Label of an output: types in capitals read better in lower case. */
export function outputLabel(name: string): string {
  return name === name.toUpperCase() ? name.toLowerCase().replaceAll('_', ' ') : name.replaceAll('_', ' ');
}

const LETTER = 6.8;
/** Width of what stands beside a field: the choice beside a seed, the buttons beside a file. */
const BESIDE: Readonly<Partial<Record<Widget['kind'], number>>> = { seed: 78, file: 64 };

function rowWidth(left: string, right: string): number {
  return Math.ceil((left.length + right.length) * LETTER) + 54;
}

function longestOption(widget: Widget): string {
  if (widget.kind === 'select' || widget.kind === 'file') {
    return widget.options.reduce<string>((longest, option) => {
      const text = asText(option);
      return text.length > longest.length ? text : longest;
    }, widget.default);
  }
  return widget.kind === 'seed' ? '0'.repeat(20) : '0000.00';
}

/** A width that shows every label and value, within the limits of a card. */
export function defaultWidth(spec: NodeSpec): number {
  const sockets = spec.inputs.filter((input) => input.widget === null);
  const widths = [MIN_WIDTH + 20, spec.title.length * 7.6 + 72];
  for (let i = 0; i < Math.max(sockets.length, spec.outputs.length); i++) {
    widths.push(rowWidth(sockets[i]?.label ?? '', outputLabel(spec.outputs[i]?.name ?? '')));
  }
  for (const input of spec.inputs) {
    if (!input.widget) continue;
    if (isTall(input.widget)) widths.push(320);
    else widths.push(Math.min(rowWidth(input.label, longestOption(input.widget)) + (BESIDE[input.widget.kind] ?? 0), 360));
  }
  if (showsPictures(spec)) widths.push(300);
  return Math.round(Math.min(Math.max(...widths), MAX_WIDTH));
}

function inputSockets(node: GraphNode, spec: NodeSpec | undefined, folded: ReadonlySet<string>): InputSpec[] {
  if (spec) return spec.inputs.filter((input) => input.widget === null && !folded.has(input.name));
  return node.inputs.map((slot) => ({
    name: slot.name, label: slot.name, type: slot.type, optional: true, advanced: false, help: '', widget: null,
  }));
}

function outputSockets(node: GraphNode, spec: NodeSpec | undefined): Socket[] {
  const outputs = spec?.outputs ?? node.outputs.map((slot) => ({ ...slot, help: '' }));
  return outputs.map((output, slot) => ({
    key: String(slot), name: output.name, label: outputLabel(output.name), type: output.type, help: output.help,
    y: HEADER + PAD + ROW * slot + ROW / 2, onWidget: false, optional: false,
  }));
}

function reroute(spec: NodeSpec): CardLayout {
  const socket = { name: '', label: '', type: '*', help: '', y: REROUTE.height / 2, onWidget: false, optional: false };
  return {
    ...REROUTE, minHeight: REROUTE.height, widgets: [], picture: 0, more: undefined,
    inputs: spec.inputs.map((input) => ({ ...socket, key: input.name })),
    outputs: [{ ...socket, key: '0' }],
  };
}

/** Width of a card: what the file or the user asked for, within limits. */
function cardWidth(node: GraphNode, spec: NodeSpec | undefined): number {
  const widest = showsPictures(spec) ? MAX_PICTURE_WIDTH : MAX_WIDTH;
  return Math.round(Math.min(Math.max(node.size.width, MIN_WIDTH), widest));
}

/** Share the height above the minimum between what can grow: pictures first, then text areas. */
function grow(rows: WidgetRow[], picture: number, spare: number, width: number): { widgets: WidgetRow[]; picture: number } {
  const tall = rows.filter((row) => isTall(row.input.widget));
  if (picture > 0 && spare > 0) return { widgets: rows, picture: Math.max(picture, Math.min(picture + spare, Math.round(width * MAX_PICTURE_RATIO))) };
  if (tall.length === 0 || spare <= 0) return { widgets: rows, picture };
  const share = Math.floor(spare / tall.length);
  return { picture, widgets: rows.map((row) => (tall.includes(row) ? { ...row, height: row.height + share } : row)) };
}

function withWidgetSockets(sockets: InputSpec[], rows: WidgetRow[], top: number): Socket[] {
  const plain = sockets.map((input, i) => ({
    key: input.name, name: input.name, label: input.label, type: input.type, help: input.help, optional: input.optional,
    y: HEADER + PAD + ROW * i + ROW / 2, onWidget: false,
  }));
  let y = top;
  const onWidgets = rows.map(({ input, height }) => {
    const centre = y + FIELD / 2;
    y += height + GAP;
    return {
      key: input.name, name: input.name, label: input.label, type: input.type, help: input.help, optional: true, y: centre, onWidget: true,
    };
  });
  return [...plain, ...onWidgets];
}

function collapsed(layout: CardLayout): CardLayout {
  const folded = (socket: Socket): Socket => ({ ...socket, y: HEADER / 2 });
  return {
    ...layout, height: HEADER, minHeight: HEADER, widgets: [], picture: 0, more: undefined,
    inputs: layout.inputs.map(folded), outputs: layout.outputs.map(folded),
  };
}

/**
 * Sizes and socket positions of a card. `livePreview` reserves room for a sampler's running picture; `wired` names the
 * advanced inputs that are linked, one per line.
 */
export function cardLayout(node: GraphNode, spec: NodeSpec | undefined, livePreview = false, wired = ''): CardLayout {
  if (spec?.type === 'Reroute') return reroute(spec);
  const width = cardWidth(node, spec);
  const folded = foldedInputs(node, spec, wired);
  const canFold = node.open && spec?.inputs.some((input) => input.advanced) === true;
  const more = canFold || folded.size > 0 ? folded.size : undefined;
  const sockets = inputSockets(node, spec, folded);
  const outputs = outputSockets(node, spec);
  const declared = (spec?.inputs ?? []).flatMap((input) =>
    input.widget && !folded.has(input.name) ? [{ input: { ...input, widget: input.widget }, height: widgetHeight(input.widget) }] : [],
  );
  const rows = Math.max(sockets.length, outputs.length);
  const top = HEADER + PAD + rows * ROW + (rows > 0 ? GAP : 0);
  const basePicture = showsPictures(spec) ? PREVIEW : livePreview ? width - 16 : 0;
  const notice = spec ? 0 : NOTICE;
  const fields = declared.reduce((sum, row) => sum + row.height + GAP, 0);
  const extra = (basePicture > 0 ? basePicture + GAP : 0) + (more === undefined ? 0 : MORE + GAP) + notice;
  const minHeight = top + fields + extra + (spec?.isVirtual ? PAD : FOOTER);
  const { widgets, picture } = grow(declared, basePicture, Math.round(node.size.height) - minHeight, width);
  const used = widgets.reduce((sum, row) => sum + row.height, 0) - declared.reduce((sum, row) => sum + row.height, 0);
  const layout: CardLayout = {
    width, height: minHeight + used + picture - basePicture, minHeight, outputs, widgets, picture, more,
    inputs: isNote(node.type) ? [] : withWidgetSockets(sockets, widgets, top),
  };
  return node.collapsed ? collapsed(layout) : layout;
}

/** Layout of a card where it stands. */
export function layoutIn(graph: Graph, schema: Schema, node: GraphNode): CardLayout {
  const spec = specOf(schema, node);
  return cardLayout(node, spec, false, wiredAdvanced(graph, node, spec));
}

/** Size a new card of this type starts with. */
export function defaultSize(node: GraphNode, spec: NodeSpec): Size {
  const width = spec.type === 'Note' ? 240 : defaultWidth(spec);
  const start = { ...node, size: { width, height: 0 } };
  const height = cardLayout(start, spec).height;
  return { width, height: showsPictures(spec) ? height + width - PREVIEW - 16 : height };
}
