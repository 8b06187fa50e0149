import { useState } from 'react';
import { TEXT } from '../text';

interface ServedPictureProps {
  src: string;
  alt: string;
  /** Loaded only once it comes into sight. */
  lazy?: boolean;
}

/** A picture of the server; words in its place where its file is not there any more. */
export function ServedPicture({ src, alt, lazy = false }: ServedPictureProps) {
  const [gone, setGone] = useState<string | null>(null);
  if (gone === src) return <span className="picture-gone" title={alt}>{TEXT.gallery.gone}</span>;
  return <img src={src} alt={alt} loading={lazy ? 'lazy' : 'eager'} decoding="async" draggable={false} onError={() => setGone(src)} />;
}
