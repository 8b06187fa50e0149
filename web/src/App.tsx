import { ReactFlowProvider } from '@xyflow/react';
import { useEffect } from 'react';
import { Editor } from './canvas/Editor';
import { useKeys } from './canvas/useKeys';
import { Ask } from './panels/Ask';
import { DrawerPanel } from './panels/DrawerPanel';
import { DropTarget } from './panels/DropTarget';
import { Toast } from './panels/Notes';
import { Palette } from './panels/Palette';
import { Rail } from './panels/Rail';
import { Settings } from './panels/Settings';
import { SidePanel } from './panels/SidePanel';
import { SimpleView } from './panels/SimpleView';
import { StatusLine } from './panels/StatusLine';
import { TopBar } from './panels/TopBar';
import { useSeenHeight } from './panels/useSeenHeight';
import { Viewer } from './panels/Viewer';
import { MaskPainter } from './widgets/MaskPainter';
import { Fault } from './panels/Fault';
import { Templates } from './panels/Templates';
import { Versions } from './panels/Versions';
import { start } from './state/start';
import { useStore } from './state/store';

/** The whole page. */
export function App() {
  useEffect(start, []);
  useKeys();
  useSeenHeight();
  const simple = useStore((s) => s.simple);
  const language = useStore((s) => s.language);
  return (
    // A change of language draws the whole page anew.
    <Fault key={language}>
      <ReactFlowProvider>
      <div className="app">
        <TopBar />
        <div className="middle">
          <Rail />
          <DrawerPanel />
          {simple ? <SimpleView /> : <Editor />}
          <SidePanel />
        </div>
        <StatusLine />
      </div>
      <Palette />
      <Viewer />
      <MaskPainter />
      <Settings />
      <Versions />
      <Templates />
      <Ask />
      <Toast />
      <DropTarget />
      </ReactFlowProvider>
    </Fault>
  );
}
