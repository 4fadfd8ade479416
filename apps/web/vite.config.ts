/** Builds the page into `dist`, which the API serves. */
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  build: {
    target: 'es2022',
    // Nothing is inlined into the page: its content security policy allows files of the server only.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
});
