interface TemplateProps {
  name: string;
  title: string;
  onOpen: () => void;
}

/** An example with its picture. */
export function Template({ name, title, onOpen }: TemplateProps) {
  return (
    <button type="button" className="template" onClick={onOpen}>
      <img src={`./templates/${encodeURIComponent(name)}.webp`} alt="" loading="lazy" width={320} height={200} onError={(event) => (event.currentTarget.hidden = true)} />
      <span>{title}</span>
    </button>
  );
}
