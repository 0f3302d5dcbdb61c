import {defineConfig} from "vite";

// Files with names by content, nothing inline: the page's Content-Security-Policy allows neither inline script nor style.
export default defineConfig({
  esbuild: {jsx: "automatic", jsxImportSource: "preact"},
  build: {
    target: "es2020",
    modulePreload: false,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    reportCompressedSize: false,
    rollupOptions: {output: {entryFileNames: "assets/weir-[hash].js", chunkFileNames: "assets/weir-[hash].js", assetFileNames: "assets/weir-[hash][extname]"}},
  },
  // While the page is worked on: `npx vite`, beside a `weir up` on its usual port.
  server: {proxy: Object.fromEntries(["/views", "/stream", "/status", "/system", "/openapi.json"].map((path) => [path, "http://127.0.0.1:8080"]))},
});
