import { useStoreApi, type ReactFlowState } from '@xyflow/react';
import { useEffect } from 'react';
import type { Box } from '../graph/align';

/** The part of the graph that is seen. */
export function areaOf({ transform: [x, y, zoom], width, height }: Pick<ReactFlowState, 'transform' | 'width' | 'height'>): Box {
  return { x: -x / zoom, y: -y / zoom, width: width / zoom, height: height / zoom };
}

/** Tell of every move of the view, past React: nothing is drawn again for it. */
export function useView(onView: (area: Box, zoom: number) => void): void {
  const store = useStoreApi();
  useEffect(() => {
    const tell = (state: ReactFlowState): void => {
      if (state.width > 0) onView(areaOf(state), state.transform[2]);
    };
    tell(store.getState());
    return store.subscribe((state, before) => {
      if (state.transform !== before.transform || state.width !== before.width || state.height !== before.height) tell(state);
    });
  }, [store, onView]);
}
