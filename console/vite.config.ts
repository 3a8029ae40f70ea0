import { defineConfig } from "vite";

// `npm run dev` shows the console of a server that runs on this machine.
const server = process.env["INTERDICT_SERVER"] ?? "http://127.0.0.1:8080";

export default defineConfig({
  build: {
    target: "es2022",
    // Inlined files would be `data:` addresses, which the page's policy forbids.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The map is a chunk of its own, and large as it is.
    chunkSizeWarningLimit: 1200,
  },
  server: { proxy: { "/v1": { target: server, changeOrigin: true } } },
});
