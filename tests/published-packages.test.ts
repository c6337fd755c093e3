import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestServer } from "./testing/server.ts";

const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "grokbox-packages-"));
const consumer = join(folder, "consumer");

/** What is published, and where it lives; each after those that it needs. */
const packages = {
  "@grokbox/proto": "proto",
  "@grokbox/sdk": "sdk",
  "@grokbox/figures": "clients/figures",
  grokbox: "clients/cli",
};

function tarball(name: string): string {
  return join(folder, `${name.replace("@", "").replace("/", "-")}-0.1.0.tgz`);
}

/** Packs a copy of the repository, as packing rewrites manifests for a moment, and unpacks the packages where a script finds them. */
beforeAll(() => {
  const copy = join(folder, "repository");
  for (const part of [
    ...Object.values(packages),
    "tsconfig.json",
    "package.json",
    "scripts/published-manifest.js",
  ]) {
    cpSync(join(root, part), join(copy, part), {
      recursive: true,
      filter: (path) => !/\/(node_modules|dist|build)$/.test(path),
    });
  }
  linkModules(join(copy, "node_modules"));
  linkModules(join(consumer, "node_modules"));
  for (const [name, path] of Object.entries(packages)) {
    if (name.startsWith("@")) symlinkSync(join(copy, path), join(copy, "node_modules", name));
    execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: join(copy, path) });
    const target = join(consumer, "node_modules", name);
    mkdirSync(target, { recursive: true });
    execFileSync("tar", ["xzf", tarball(name), "--strip-components=1", "-C", target]);
    expect(readFileSync(join(copy, path, "package.json"))).toEqual(
      readFileSync(join(root, path, "package.json")),
    );
  }
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Everything that is installed here, but our own packages. */
function linkModules(target: string): void {
  mkdirSync(join(target, "@grokbox"), { recursive: true });
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (name !== "@grokbox" && name !== "grokbox")
      symlinkSync(join(root, "node_modules", name), join(target, name));
  }
}

test.each(["@grokbox/proto", "@grokbox/sdk", "@grokbox/figures"])(
  "the package %s has only compiled code and its types",
  (name) => {
    const files = readdirSync(join(consumer, "node_modules", name), {
      recursive: true,
      withFileTypes: true,
    }).filter((entry) => entry.isFile());
    expect(files.length).toBeGreaterThan(20);
    const others = files.map((file) => file.name).filter((file) => !/\.(js|d\.ts)$/.test(file));
    expect(others.filter((file) => file !== "README.md")).toEqual(["package.json"]);
    expect(files.map((file) => file.name).filter((file) => file.includes(".test."))).toEqual([]);
  },
);

test("they load without a build", () => {
  const script = `
    import { Grokbox, isReason } from "@grokbox/sdk";
    import { SessionService } from "@grokbox/proto/session";
    import { ErrorInfoSchema } from "@grokbox/proto/rpc/error_details";
    const error = await Grokbox.connect("127.0.0.1:1", { deadlineMs: 2_000 }).catch((error) => error);
    console.log(SessionService.typeName, ErrorInfoSchema.typeName, isReason(error, "UNAVAILABLE"));
  `;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
    cwd: consumer,
    encoding: "utf8",
  });
  expect(output).toBe("grokbox.v1.SessionService google.rpc.ErrorInfo true\n");
});

test("the package grokbox has only compiled code, its launcher and its manual", () => {
  const files = readdirSync(join(consumer, "node_modules/grokbox"), {
    recursive: true,
    encoding: "utf8",
  });
  expect(files).toContain("bin/grokbox.js");
  expect(files).toContain("dist/commands/run.js");
  const others = files.filter((file) => /\.\w+$/.test(file) && !/^(bin|dist)\/[\w/-]+\.js$/.test(file));
  expect(others.toSorted()).toEqual(["README.md", "package.json"]);
});

/** A folder in which npm has installed them. */
function installed(): string {
  const empty = join(folder, "empty");
  mkdirSync(empty);
  writeFileSync(join(empty, "package.json"), '{"private": true, "type": "module"}');
  // What they depend on comes from here rather than from a registry, and only what their manifests name.
  const local = dependencies(Object.keys(packages));
  const flags = [
    "--offline",
    "--install-links",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
  ];
  const tarballs = Object.keys(packages).map(tarball);
  execFileSync("npm", ["install", ...flags, ...local, ...tarballs], { cwd: empty });
  return empty;
}

test.each(process.env.LONG_TESTS ? ["unpacked", "installed by npm into an empty folder"] : ["unpacked"])(
  "%s, the SDK and the command line drive a server",
  async (how) => {
    const home = how === "unpacked" ? consumer : installed();
    const server = await startTestServer();
    try {
      const script = `
      import { Grokbox } from "@grokbox/sdk";
      const box = await Grokbox.connect("${server.address}");
      const session = await box.start({ preset: "standard" });
      await session.step(20);
      console.log(session.name);
      box.close();
    `;
      const name = await run(home, process.execPath, "--input-type=module", "-e", script);
      expect(name).toMatch(/^sessions\/\w+\n$/);
      const bin = join(home, "node_modules", home === consumer ? "grokbox/bin/grokbox.js" : ".bin/grokbox");
      const step = await run(home, bin, "step", name.trim(), "5", "--json", "--server", server.address);
      expect(JSON.parse(step)).toMatchObject({ point: { step: 25 }, session: { preset: "standard" } });
      const picture = await run(
        home,
        bin,
        "figure",
        "5",
        "--session",
        name.trim(),
        "-o",
        "five.png",
        "--server",
        server.address,
      );
      expect(picture).toBe("five.png\n");
      expect(readFileSync(join(home, "five.png")).subarray(1, 4).toString()).toBe("PNG");
      const serve = spawnSync(bin, ["serve"], { encoding: "utf8" });
      expect([serve.status, serve.stderr]).toEqual([1, expect.stringContaining("npm ci && npm start")]);
    } finally {
      await server.close();
    }
  },
);

/** Folders of everything that packages depend on, directly and through others, but for our own. */
function dependencies(names: readonly string[]): string[] {
  const found = new Map<string, string>();
  const add = (name: string, folder: string) => {
    const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const nested: string[] = [];
    for (const dependency of Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies })) {
      const own = join(folder, "node_modules", dependency);
      const shared = join(root, "node_modules", dependency);
      if (existsSync(own)) nested.push(dependency);
      // Optional ones of other systems are not there.
      else if (!(dependency in packages) && !found.has(dependency) && existsSync(shared)) {
        found.set(dependency, shared);
        add(dependency, shared);
      }
    }
    if (found.has(name) && nested.length > 0) found.set(name, bundled(name, folder, manifest, nested));
  };
  for (const name of names) add(name, join(consumer, "node_modules", name));
  return [...found.values()];
}

/** A copy of a package that brings the dependencies along of which it needs other versions than everybody else. */
function bundled(
  name: string,
  from: string,
  manifest: object,
  bundleDependencies: readonly string[],
): string {
  const copy = join(folder, "bundled", name);
  cpSync(from, copy, { recursive: true });
  writeFileSync(join(copy, "package.json"), JSON.stringify({ ...manifest, bundleDependencies }));
  return copy;
}

async function run(cwd: string, command: string, ...args: string[]): Promise<string> {
  const child = spawn(command, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(errors).toBe("");
  return output;
}
