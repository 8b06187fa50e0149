import { toggleMore } from '../state/edits';
import { TEXT } from '../text';

interface MoreProps {
  node: string;
  open: boolean;
  /** How many inputs are folded away. */
  folded: number;
}

/** Unfolds a card's rarely needed inputs, or folds them again. */
export function MoreRow({ node, open, folded }: MoreProps) {
  const words = open ? TEXT.card.less : TEXT.card.more(folded);
  return (
    <button type="button" className="nodrag more" aria-expanded={open} title={TEXT.card.moreOf} onClick={() => toggleMore(node)}>
      <span className="chevron" aria-hidden="true" />{words}
    </button>
  );
}
