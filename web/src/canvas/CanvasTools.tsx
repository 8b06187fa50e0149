import { useReactFlow, useStore as useFlow } from '@xyflow/react';
import { useCanvasUi } from '../state/canvasUi';
import { tidy } from '../state/edits';
import { requestFit, settleView, viewCentre } from '../state/camera';
import { setSnap } from '../state/preferences';
import { setState, useStore } from '../state/store';
import { Icon } from '../panels/icons';
import { TEXT } from '../text';

function tidyAndFit(): void {
  tidy();
  requestFit();
}

/** Add, zoom, fit and tidy, at the canvas's lower left. */
export function CanvasTools() {
  const { zoomIn, zoomOut, zoomTo } = useReactFlow();
  const percent = useFlow((s) => Math.round(s.transform[2] * 100));
  const snap = useStore((s) => s.snap);
  const lasso = useCanvasUi((s) => s.lasso);
  const { actions, canvas: { tools } } = TEXT;
  return (
    <div className="canvas-tools" role="toolbar" aria-label={TEXT.regions.zoom}>
      <button type="button" className="plus" aria-label={actions.addNode} title={actions.addNode} onClick={() => setState({ palette: { at: viewCentre() } })}><Icon name="plus" /></button>
      <span className="divider" />
      <button type="button" className="zoom" aria-label={actions.zoomOut} title={actions.zoomOut} onClick={() => void zoomOut().then(settleView)}>−</button>
      <button type="button" className="percent" aria-label={actions.zoomReset(percent)} title={actions.zoomReset(percent)} onClick={() => void zoomTo(1).then(settleView)}>{percent} %</button>
      <button type="button" className="zoom" aria-label={actions.zoomIn} title={actions.zoomIn} onClick={() => void zoomIn().then(settleView)}>+</button>
      <button type="button" onClick={() => requestFit()}>{actions.fit}</button>
      <button type="button" onClick={tidyAndFit}>{actions.tidy}</button>
      <span className="divider" />
      <button type="button" className="plus" aria-pressed={snap} aria-label={tools.snap} title={tools.snap} onClick={() => setSnap(!snap)}><Icon name="grid" /></button>
      <button type="button" className="plus" aria-pressed={lasso} aria-label={tools.lasso} title={tools.lasso} onClick={() => useCanvasUi.setState({ lasso: !lasso })}><Icon name="lasso" /></button>
    </div>
  );
}
