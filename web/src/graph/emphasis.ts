/** Emphasis in prompts: `(word:1.1)` weighs more, `(word:0.9)` less. */

export interface Marked {
  text: string;
  /** What is selected. */
  start: number;
  end: number;
}

interface Group {
  /** Places of the parentheses. */
  open: number;
  close: number;
  /** Where the text in it ends and the weight begins. */
  colon: number;
  weight: number;
}

const WORD = /[\p{L}\p{N}_'’-]/u;
const WEIGHT = /:\s*(\d+(?:\.\d*)?|\.\d+)\s*$/;
const MOST = 10;

/** Every `(text:weight)`, inner ones before outer ones. Parentheses after a backslash are text. */
function groupsIn(text: string): Group[] {
  const found: Group[] = [];
  const open: number[] = [];
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '(') open.push(at);
    else if (text[at] === ')') {
      const from = open.pop();
      const weight = from === undefined ? null : WEIGHT.exec(text.slice(from + 1, at));
      if (from !== undefined && weight) found.push({ open: from, close: at, colon: from + 1 + weight.index, weight: Number(weight[1]) });
    }
  }
  return found;
}

/** The word at a place without a selection; spaces at the ends of a selection do not belong to it. */
function chosen({ text, start, end }: Marked): [number, number] {
  let [from, to] = [start, end];
  if (from === to) {
    while (from > 0 && WORD.test(text[from - 1] ?? '')) from -= 1;
    while (to < text.length && WORD.test(text[to] ?? '')) to += 1;
  } else {
    while (from < to && /\s/.test(text[from] ?? '')) from += 1;
    while (to > from && /\s/.test(text[to - 1] ?? '')) to -= 1;
  }
  return [from, to];
}

/** The group to change: of a cursor the innermost one around it, of a selection the one it is all of. */
function groupOf(text: string, from: number, to: number, isCursor: boolean): Group | undefined {
  return groupsIn(text).find(({ open, close, colon }) => {
    if (isCursor) return open < from && to <= close;
    return (from === open && to === close + 1) || (from === open + 1 && to === colon);
  });
}

function shown(weight: number): string {
  return weight.toFixed(2).replace(/0$/, '');
}

/** The prompt with the selection, or the word at the cursor, weighed by some hundredths more. A weight of 1 needs no mark. */
export function emphasize(marked: Marked, hundredths: number): Marked {
  const { text } = marked;
  const [from, to] = chosen(marked);
  const group = groupOf(text, from, to, marked.start === marked.end);
  const [inner, before, after] = group
    ? [text.slice(group.open + 1, group.colon), text.slice(0, group.open), text.slice(group.close + 1)]
    : [text.slice(from, to), text.slice(0, from), text.slice(to)];
  if (inner === '') return marked;
  const weight = Math.min(Math.max(Math.round((group?.weight ?? 1) * 100) + hundredths, 0), MOST * 100) / 100;
  const isPlain = weight === 1;
  const start = before.length + (isPlain ? 0 : 1);
  return { text: before + (isPlain ? inner : `(${inner}:${shown(weight)})`) + after, start, end: start + inner.length };
}
