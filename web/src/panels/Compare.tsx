import { useState } from 'react';
import { imageUrl } from '../api/client';
import type { ImageRef } from '../api/wire';
import { pictureKey } from '../state/gallery';
import { TEXT } from '../text';
import { LostPicture } from './LostPicture';

interface CompareProps {
  a: ImageRef;
  b: ImageRef;
  isLost: (image: ImageRef) => boolean;
  onLost: (image: ImageRef) => void;
}

/** Two pictures one over the other; the slider says how much is seen of which. Where one is lost, they stand side by side. */
export function Compare({ a, b, isLost, onLost }: CompareProps) {
  const [percent, setPercent] = useState(50);
  if (isLost(a) || isLost(b)) {
    return (
      <div className="compare-apart">
        {[a, b].map((image) => (isLost(image) ? <LostPicture key={pictureKey(image)} image={image} /> : <img key={pictureKey(image)} src={imageUrl(image)} alt={image.filename} draggable={false} onError={() => onLost(image)} />))}
      </div>
    );
  }
  return (
    <div className="compare">
      <img src={imageUrl(b)} alt={b.filename} draggable={false} onError={() => onLost(b)} />
      <img src={imageUrl(a)} alt={a.filename} draggable={false} onError={() => onLost(a)} style={{ clipPath: `inset(0 ${100 - percent}% 0 0)` }} />
      <span className="divider-line" aria-hidden="true" style={{ left: `${percent}%` }} />
      <input
        type="range" min={0} max={100} value={percent} aria-label={TEXT.pictures.divider} aria-valuetext={TEXT.pictures.seen(percent, a.filename)}
        onChange={(event) => setPercent(Number(event.currentTarget.value))}
      />
    </div>
  );
}
