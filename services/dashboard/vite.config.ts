import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** `npx vite --config services/dashboard/vite.config.ts` serves the page with hot reload beside a server on the default port. */
export default defineConfig({
  root: import.meta.dirname,
  // relative to the page's base, whatever path a reverse proxy serves it below
  base: './',
  plugins: [react()],
  build: { outDir: '../../dist/dashboard', emptyOutDir: true, target: 'es2022', sourcemap: false },
  server: { proxy: { '/graphql': { target: 'http://127.0.0.1:7171', ws: true }, '/v1': 'http://127.0.0.1:7171' } },
});
