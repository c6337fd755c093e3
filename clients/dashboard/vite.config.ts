import { defineConfig } from "vite";

export default defineConfig({
  root: import.meta.dirname,
  // Relative, so that the page also works behind a proxy that puts it into a folder.
  base: "./",
  logLevel: "warn",
  build: {
    target: "es2024",
    outDir: "dist",
    emptyOutDir: true,
    modulePreload: { polyfill: false },
    // The server's policy allows no data: address for fonts or scripts, and a file more costs nothing.
    assetsInlineLimit: 0,
    reportCompressedSize: false,
  },
});
