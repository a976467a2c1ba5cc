import { defineConfig } from "vite";

// One script, one style sheet, nothing inline: the page's Content-Security-Policy allows files of its own origin only.
export default defineConfig({
  base: "/dashboard/",
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    target: "es2022",
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  // `npm run dev` beside a running gateway.
  server: { proxy: { "/client": "http://127.0.0.1:8787" } },
});
