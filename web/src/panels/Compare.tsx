import { useState } from 'react';
import { imageUrl } from '../api/client';
import type { ImageRef } from '../api/wire';
import { TEXT } from '../text';

/** Two pictures one over the other; the slider says how much is seen of which. */
export function Compare({ a, b }: { a: ImageRef; b: ImageRef }) {
  const [percent, setPercent] = useState(50);
  return (
    <div className="compare">
      <img src={imageUrl(b)} alt={b.filename} draggable={false} />
      <img src={imageUrl(a)} alt={a.filename} draggable={false} style={{ clipPath: `inset(0 ${100 - percent}% 0 0)` }} />
      <span className="divider-line" aria-hidden="true" style={{ left: `${percent}%` }} />
      <input
        type="range" min={0} max={100} value={percent} aria-label={TEXT.pictures.divider} aria-valuetext={TEXT.pictures.seen(percent, a.filename)}
        onChange={(event) => setPercent(Number(event.currentTarget.value))}
      />
    </div>
  );
}
