import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';

/** Where a development server finds the API; the built editor uses its own origin. */
const api = process.env['SD35GRAPH_API'] ?? 'http://127.0.0.1:8188';

// Vite calls the config's default export by contract; nothing else in the project exports one.
export default defineConfig({
  plugins: [react()],
  base: './',
  build: {
    outDir: '../sd35graph/server/static',
    emptyOutDir: true,
    target: 'es2022',
    chunkSizeWarningLimit: 900,
    license: { fileName: 'licenses.md' }, // the bundled libraries' licences ask for their text beside the code
  },
  server: {
    proxy: {
      '/api': api,
      '/v1': api,
      '/ws': { target: api, ws: true },
    },
  },
  test: {
    include: ['tests/**/*.test.ts'], environment: 'node',
    coverage: { include: ['src/graph/**'], thresholds: { lines: 95 }, reporter: ['text'], clean: true },
  },
});
