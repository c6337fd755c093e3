// Builds the page into dist/, with a .gz and a .br beside every text file, for the server to send as they are. Plain JavaScript for
// whichever Node runs npm's postinstall.
//
// Does nothing when dist/ is of these sources already; --force builds in any case, and failing to is an error then. An install or a
// start never fails because of it: the server says at / what is missing.
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { dashboardFingerprint, dashboardFolder, dashboardStamp } from "./fingerprint.js";

const text = /\.(html|js|css|svg|json|txt|webmanifest)$/;
const folder = fileURLToPath(dashboardFolder);
const force = process.argv.includes("--force");

try {
  const fingerprint = dashboardFingerprint();
  if (!force && isUpToDate(fingerprint)) {
    console.log("dashboard: the page is up to date");
  } else {
    const kilobytes = await build(fingerprint);
    console.log(`dashboard: built the page, ${kilobytes} kB compressed`);
  }
} catch (error) {
  const [summary, ...details] = String(error?.message ?? error).split("\n");
  console.log(`dashboard: no page, the server will do without: ${summary}`);
  if (force) {
    console.error(details.join("\n"));
    process.exitCode = 1;
  }
}

function isUpToDate(fingerprint) {
  return existsSync(dashboardStamp) && readFileSync(dashboardStamp, "utf8").trim() === fingerprint;
}

/** Beside dist/ and then renamed: a server may be sending the old page, and an install may race another. */
async function build(fingerprint) {
  // Whoever starts this may be a test; the page is always the one for people.
  process.env.NODE_ENV = "production";
  const { build: bundle } = await import("vite");
  const work = `${folder.replace(/\/$/, "")}-${process.pid}`;
  try {
    await bundle({
      configFile: fileURLToPath(new URL("./vite.config.ts", import.meta.url)),
      build: { outDir: work },
    });
    const compressed = compress(work);
    writeFileSync(`${work}/.fingerprint`, `${fingerprint}\n`);
    rmSync(folder, { recursive: true, force: true });
    renameSync(work, folder);
    return Math.round(compressed / 1_000);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** @returns bytes of all files, as gzip has them */
function compress(work) {
  let bytes = 0;
  for (const entry of readdirSync(work, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = `${entry.parentPath}/${entry.name}`;
    const content = readFileSync(path);
    if (!text.test(entry.name)) {
      bytes += content.length;
      continue;
    }
    const gzip = gzipSync(content, { level: 9 });
    const params = {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_SIZE_HINT]: content.length,
    };
    writeFileSync(`${path}.gz`, gzip);
    writeFileSync(`${path}.br`, brotliCompressSync(content, { params }));
    bytes += gzip.length;
  }
  return bytes;
}
