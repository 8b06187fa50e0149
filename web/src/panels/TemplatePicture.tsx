import { useEffect, useState } from 'react';
import { categoryColor, typeColor } from '../canvas/colors';
import { miniature, type MiniatureCard } from '../graph/miniature';
import type { Graph } from '../graph/model';
import { useStore } from '../state/store';
import { PICTURED, templateGraph } from '../state/templates';

const SIZE = { width: 320, height: 200 };

function Card({ card: { x, y, width, height, category, header, fields, picture } }: { card: MiniatureCard }) {
  return (
    <g>
      <rect className="mini-card" x={x} y={y} width={width} height={height} rx={3} style={{ stroke: categoryColor(category) }} />
      <rect x={x} y={y} width={width} height={header} rx={3} style={{ fill: categoryColor(category) }} />
      {fields.map((field, at) => <rect key={at} className="mini-field" {...field} rx={1} />)}
      {picture && (
        <g className="mini-picture">
          <rect {...picture} rx={2} />
          <path d={`M${picture.x} ${picture.y + picture.height * 0.85} l${picture.width * 0.35} ${picture.height * -0.45} l${picture.width * 0.28} ${picture.height * 0.3} l${picture.width * 0.14} ${picture.height * -0.15} l${picture.width * 0.23} ${picture.height * 0.25} v${picture.height * 0.05} h${-picture.width} z`} />
        </g>
      )}
    </g>
  );
}

/** A graph as a small drawing in the colours of the theme. */
function Drawing({ graph }: { graph: Graph }) {
  const schema = useStore((s) => s.schema);
  const { cards, links } = miniature(graph, schema, SIZE);
  return (
    <svg className="template-picture" viewBox={`0 0 ${SIZE.width} ${SIZE.height}`} aria-hidden="true">
      {links.map(({ id, type, from, out, into, to }) => (
        <path key={id} className="mini-link" style={{ stroke: typeColor(type) }} d={`M${from.x} ${from.y}C${out.x} ${out.y} ${into.x} ${into.y} ${to.x} ${to.y}`} />
      ))}
      {cards.map((card) => <Card key={card.id} card={card} />)}
    </svg>
  );
}

/** What a template makes, where that is known without its models; else its graph. */
export function TemplatePicture({ name }: { name: string }) {
  const [graph, setGraph] = useState<Graph | null>(null);
  const isPictured = PICTURED.has(name);
  useEffect(() => {
    if (!isPictured) void templateGraph(name).then(setGraph);
  }, [name, isPictured]);
  if (isPictured) return <img className="template-picture" src={`./templates/${encodeURIComponent(name)}.webp`} alt="" loading="lazy" width={SIZE.width} height={SIZE.height} />;
  return graph ? <Drawing graph={graph} /> : <div className="template-picture" />;
}
