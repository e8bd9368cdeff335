import preact from "@preact/preset-vite";
import { defineConfig } from "vite";

/** Builds the page into `dist`. No source maps and nothing inlined: the content security policy forbids both uses. */
export default defineConfig({
  root: import.meta.dirname,
  plugins: [preact({ devToolsEnabled: false, prefreshEnabled: false })],
  build: { outDir: "dist", emptyOutDir: true, assetsInlineLimit: 0, modulePreload: { polyfill: false } },
  server: {
    proxy: Object.fromEntries(["/events", "/status", "/api"].map((path) => [path, "http://127.0.0.1:9000"])),
  },
});
