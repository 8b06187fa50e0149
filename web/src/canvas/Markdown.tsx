import ReactMarkdown, { type Components } from 'react-markdown';
import { TEXT } from '../text';

/** Links open beside the editor; pictures are only named, since nothing is asked of other machines. */
const COMPONENTS: Components = {
  a: ({ href, children }) => <a className="nodrag" href={href} target="_blank" rel="noopener noreferrer">{children}</a>,
  img: ({ alt }) => <em>{TEXT.canvas.note.picture(alt ?? '')}</em>,
};

/** Markdown as text with headings, lists and links. */
export function Markdown({ text }: { text: string }) {
  return <ReactMarkdown components={COMPONENTS}>{text}</ReactMarkdown>;
}
