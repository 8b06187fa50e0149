import { useEffect } from 'react';

/**
 * Keeps the page as high as what is seen of it. Browsers that lay an on-screen keyboard over the page, as those of iOS do,
 * would else hide under it what is typed into, and the sheets that stand at the lower edge.
 */
export function useSeenHeight(): void {
  useEffect(() => {
    const seen = window.visualViewport;
    if (!seen) return undefined;
    const fit = (): void => {
      // Zoomed in by two fingers, less of the page is seen too; then it keeps its size.
      const isCovered = seen.scale === 1 && seen.height < window.innerHeight - 1;
      document.documentElement.style.setProperty('--seen', isCovered ? `${seen.height}px` : '100dvh');
      if (!isCovered) return;
      window.scrollTo(0, 0);
      const field = document.activeElement;
      // The canvas has a view of its own, and follows the size that it gets.
      if (field?.closest('.canvas') === null) field.scrollIntoView({ block: 'nearest' });
    };
    seen.addEventListener('resize', fit);
    return () => seen.removeEventListener('resize', fit);
  }, []);
}
