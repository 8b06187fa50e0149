import { useEffect, useState } from 'react';
import type { ImageRef } from '../api/wire';
import { whyLost } from '../state/gallery';
import { TEXT } from '../text';

/** In the place of a picture that cannot be shown: which one, why, and what to do. */
export function LostPicture({ image }: { image: ImageRef }) {
  const { lost } = TEXT.pictures;
  const [why, setWhy] = useState(lost.asking);
  const { filename, subfolder, type } = image;
  useEffect(() => {
    let current = true;
    void whyLost({ filename, subfolder, type }).then((found) => current && setWhy(found));
    return () => {
      current = false;
    };
  }, [filename, subfolder, type]);
  return <div className="lost-picture" role="alert"><strong>{lost.title(filename)}</strong><p>{why}</p></div>;
}
