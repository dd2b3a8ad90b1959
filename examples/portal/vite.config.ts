import { defineConfig } from 'vite';

export default defineConfig({
  // Relative, so that the portal may be put below any path.
  base: './',
  build: {
    target: 'es2023',
    sourcemap: false,
    // Everything is a file of its own: the content security policy has no room for data: URLs.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: { input: ['index.html', 'redirect.html'] },
  },
});
