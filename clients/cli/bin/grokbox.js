#!/usr/bin/env node
// Starts the command line. In the repository that is a bundle of its sources, or, where they are newer, the TypeScript itself, which the
// repository's own Node 24 runs as it is; in an installed package it is compiled, and runs on the Node that runs this file.

import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import module from "node:module";
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const folder = new URL("../", import.meta.url);
const source = new URL("main.ts", folder);
const inRepository = existsSync(source);

// Halves the time to start; older than Node 22.8 there is none. Not where Node would keep it: in the folder for everybody's temporary
// files, whoever came first could give others code to run.
const cache = process.env.XDG_CACHE_HOME ?? "";
module.enableCompileCache?.(join(isAbsolute(cache) ? cache : join(homedir(), ".cache"), "grokbox"));

if (inRepository && Number(process.versions.node.split(".")[0]) < 24) runAgain(findNode());
else {
  const { main } = await import(inRepository ? await newest() : new URL("dist/main.js", folder));
  const { version } = JSON.parse(readFileSync(new URL("package.json", folder), "utf8"));
  const server = fileURLToPath(new URL("../../server/main.ts", folder));
  process.exitCode = await main({
    version,
    serverEntry: inRepository && existsSync(server) ? server : undefined,
  });
}

async function newest() {
  const { bundleFolder, isBundled } = await import(new URL("bundle-stamp.js", folder));
  return isBundled() ? pathToFileURL(join(bundleFolder, "main.js")) : source;
}

function findNode() {
  try {
    return module.createRequire(import.meta.url).resolve(`node-linux-${process.arch}/bin/node`);
  } catch {
    console.error(
      `grokbox: in its repository it runs on Node 24, and this is ${process.version}. Run "npm ci" there first: it brings one.`,
    );
    process.exit(1);
  }
}

function runAgain(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  // A terminal sends Ctrl-C to both of us.
  const isInTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      if (signal !== "SIGINT" || !isInTerminal) child.kill(signal);
    });
  }
  child.on("exit", (code, signal) => {
    if (signal === null) process.exitCode = code;
    else {
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    }
  });
}
