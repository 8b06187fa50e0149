import '@xyflow/react/dist/base.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/frame.css';
import './styles/card.css';
import './styles/panels.css';
import './styles/simple.css';
import './styles/subgraph.css';
import './styles/run.css';
import './styles/library.css';
import { createRoot } from 'react-dom/client';
import { App } from './App';

const root = document.getElementById('root');
if (!root) throw new Error('index.html needs an element with id "root".');
createRoot(root).render(<App />);
