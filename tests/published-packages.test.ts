import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const folder = mkdtempSync(join(tmpdir(), "grokbox-packages-"));
const consumer = join(folder, "consumer");

/** Packs a copy of the repository, as packing rewrites manifests for a moment, and unpacks the packages where a script finds them. */
beforeAll(() => {
  const copy = join(folder, "repository");
  for (const part of ["proto", "sdk", "tsconfig.json", "package.json", "scripts/published-manifest.js"]) {
    cpSync(join(root, part), join(copy, part), {
      recursive: true,
      filter: (path) => !/\/(node_modules|dist|build)$/.test(path),
    });
  }
  linkModules(join(copy, "node_modules"));
  linkModules(join(consumer, "node_modules"));
  for (const name of ["proto", "sdk"]) {
    symlinkSync(join(copy, name), join(copy, "node_modules/@grokbox", name));
    execFileSync("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: join(copy, name) });
    const target = join(consumer, "node_modules/@grokbox", name);
    mkdirSync(target, { recursive: true });
    execFileSync("tar", [
      "xzf",
      join(folder, `grokbox-${name}-0.1.0.tgz`),
      "--strip-components=1",
      "-C",
      target,
    ]);
    expect(readFileSync(join(copy, name, "package.json"))).toEqual(
      readFileSync(join(root, name, "package.json")),
    );
  }
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Everything that is installed here, but our own packages. */
function linkModules(target: string): void {
  mkdirSync(join(target, "@grokbox"), { recursive: true });
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (name !== "@grokbox") symlinkSync(join(root, "node_modules", name), join(target, name));
  }
}

test.each(["proto", "sdk"])("the package %s has only compiled code and its types", (name) => {
  const files = readdirSync(join(consumer, "node_modules/@grokbox", name), {
    recursive: true,
    withFileTypes: true,
  }).filter((entry) => entry.isFile());
  expect(files.length).toBeGreaterThan(20);
  const others = files.map((file) => file.name).filter((file) => !/\.(js|d\.ts)$/.test(file));
  expect(others).toEqual(["package.json"]);
  expect(files.map((file) => file.name).filter((file) => file.includes(".test."))).toEqual([]);
});

test("they load without a build", () => {
  const script = `
    import { Grokbox, isReason } from "@grokbox/sdk";
    import { SessionService } from "@grokbox/proto/session";
    import { ErrorInfoSchema } from "@grokbox/proto/rpc/error_details";
    const error = await Grokbox.connect("127.0.0.1:1", { deadlineMs: 50 }).catch((error) => error);
    console.log(SessionService.typeName, ErrorInfoSchema.typeName, isReason(error, "UNAVAILABLE"));
  `;
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", script], {
    cwd: consumer,
    encoding: "utf8",
  });
  expect(output).toBe("grokbox.v1.SessionService google.rpc.ErrorInfo true\n");
});
