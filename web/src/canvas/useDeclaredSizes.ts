import { useStoreApi } from '@xyflow/react';
import { useState } from 'react';

/**
 * Keeps React Flow from measuring cards: they declare their size and sockets. A card drawn small has no sockets to be
 * measured, and would lose its links. To be called before React Flow is drawn, which takes the function up only once.
 */
export function useDeclaredSizes(): void {
  const flow = useStoreApi();
  useState(() => flow.setState({ updateNodeInternals: () => undefined }));
}
