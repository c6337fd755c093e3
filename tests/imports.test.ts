import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "..");

/** Rooms and what each may import of ours. `server` is the composition root beside its rooms; tests, bench and scripts see all. */
const allowed: Readonly<Record<string, readonly string[]>> = {
  "server/model": [],
  "server/engine": ["server/model"],
  "server/store": ["server/model"],
  "server/sessions": ["server/engine", "server/store", "server/model"],
  "server/messages": ["server/sessions", "server/model", "proto"],
  "server/rpc": ["server/messages", "server/sessions", "server/model", "proto"],
  "server/web": ["server/messages", "server/sessions", "server/model", "proto"],
  server: [
    "server/rpc",
    "server/web",
    "server/messages",
    "server/sessions",
    "server/engine",
    "server/store",
    "server/model",
    "proto",
  ],
  sdk: ["proto"],
  clients: ["sdk"],
  proto: [],
};

/** Packages that only one room may know. */
const exclusive: Readonly<Record<string, readonly string[]>> = {
  "@grpc/grpc-js": ["server/rpc", "server", "sdk"],
  "@bufbuild/protobuf": ["server/messages", "server/rpc", "server/web", "sdk", "proto"],
};

const testing = /(^|\/)(testing|conformance)\/|\.test\.ts$/;

function room(path: string): string | undefined {
  const [first, second] = path.split("/");
  if (first === "server" && second !== undefined && `server/${second}` in allowed) return `server/${second}`;
  return first !== undefined && first in allowed ? first : undefined;
}

interface Import {
  readonly from: string;
  readonly specifier: string;
}

function imports(): Import[] {
  return Object.keys({ server: 0, sdk: 0, clients: 0, proto: 0 }).flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((path) => /\.(ts|js)$/.test(path) && !/node_modules|dist\/|build\//.test(path))
      .flatMap((path) => {
        const from = `${folder}/${path}`;
        const text = readFileSync(join(root, from), "utf8");
        return [...text.matchAll(/(?:from|import|import\()\s*"([^"]+)"/g)].map((match) => ({
          from,
          specifier: match[1]!,
        }));
      }),
  );
}

function targetRoom({ from, specifier }: Import): string | undefined {
  if (specifier.startsWith(".")) return room(relative(root, join(root, dirname(from), specifier)));
  const ours = /^@grokbox\/(\w+)/.exec(specifier)?.[1];
  // A package of its own, in the clients' room.
  return ours === "figures" ? "clients" : ours;
}

test("imports between rooms run one way", () => {
  const all = imports();
  expect(all.length).toBeGreaterThan(100);
  const wrong = all.filter((found) => {
    const from = room(found.from)!;
    const to = targetRoom(found);
    if (to === undefined || to === from || testing.test(found.from)) return false;
    return !allowed[from]!.includes(to);
  });
  expect(wrong).toEqual([]);
});

test("only the transport knows grpc-js, and only it and the protos know protobuf", () => {
  const wrong = imports().filter(({ from, specifier }) => {
    const [rule] = Object.entries(exclusive).filter(
      ([name]) => specifier === name || specifier.startsWith(`${name}/`),
    );
    return rule !== undefined && !rule[1].includes(room(from)!) && !testing.test(from);
  });
  expect(wrong).toEqual([]);
});

test("model does no input or output", () => {
  const wrong = imports().filter(
    ({ from, specifier }) =>
      from.startsWith("server/model/") && !testing.test(from) && !specifier.startsWith("."),
  );
  expect(wrong).toEqual([]);
});

/** Files of ours and packages that are reached from a file of the SDK where a bundler resolves the condition `browser`. */
function reachedInBrowsers(entry: string): { readonly files: Set<string>; readonly packages: Set<string> } {
  const { browser } = JSON.parse(readFileSync(join(root, "sdk/package.json"), "utf8")).imports["#runtime"];
  const [files, packages, todo] = [new Set<string>(), new Set<string>(), [entry]];
  for (let file = todo.pop(); file !== undefined; file = todo.pop()) {
    if (files.has(file)) continue;
    files.add(file);
    const text = readFileSync(join(root, file), "utf8");
    for (const [, type, from, bare] of text.matchAll(
      /^(?:import|export)( type)?\s[^;"]*?from "([^"]+)";|\bimport\(?\s*"([^"]+)"/gm,
    )) {
      if (type !== undefined) continue;
      const specifier = from ?? bare;
      if (specifier === "#runtime") todo.push(join("sdk", browser));
      else if (specifier!.startsWith(".")) todo.push(join(dirname(file), specifier!));
      else packages.add(specifier!);
    }
  }
  return { files, packages };
}

test.each(["sdk/src/mod.ts", "sdk/src/live/mod.ts"])(
  "%s runs in a browser: nothing of Node is reached",
  (entry) => {
    const { files, packages } = reachedInBrowsers(entry);
    expect(files.size).toBeGreaterThan(10);
    expect(files).toContain("sdk/src/runtime-browser.ts");
    expect(files).not.toContain("sdk/src/runtime-node.ts");
    expect(
      [...packages].filter(
        (name) => !/^(@bufbuild\/protobuf|@connectrpc\/connect|@grokbox\/proto|@noble\/hashes)/.test(name),
      ),
    ).toEqual([]);
    // Of Node alone, or of pages that came over HTTPS or from this machine alone.
    const missing =
      /\b(Buffer|process|global|require|__dirname|setImmediate)\b\s*[.([]|\bcrypto\.(randomUUID|subtle)\b/;
    const uses = [...files].flatMap((file) =>
      readFileSync(join(root, file), "utf8")
        .split("\n")
        .filter((line) => !/^\s*(\*|\/\/|\/\*)/.test(line) && missing.test(line))
        .map((line) => `${file}: ${line.trim()}`),
    );
    expect(uses).toEqual([]);
  },
);
