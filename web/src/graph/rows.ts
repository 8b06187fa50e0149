/** Which rows of a long list are worth drawing. */

/** Rows drawn beyond what is seen, so that scrolling does not show gaps. */
const MARGIN = 3;

/** The rows from `from` to before `to`, for a list of rows of one height of which `top` pixels are scrolled away. */
export function visibleRows(rows: number, row: number, top: number, height: number): { from: number; to: number } {
  const from = Math.min(Math.max(Math.floor(top / row) - MARGIN, 0), rows);
  return { from, to: Math.max(Math.min(Math.ceil((top + height) / row) + MARGIN, rows), from) };
}
