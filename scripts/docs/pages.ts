import { join } from "node:path";
import { renderApi } from "./api-page.ts";
import { readProtoFiles } from "./proto-files.ts";
import { renderSdk } from "./sdk-page.ts";

const root = join(import.meta.dirname, "../..");

/** The files of `docs/` that are made of comments, by their paths. */
export async function makePages(): Promise<Map<string, string>> {
  return new Map([
    [join(root, "docs/api.md"), renderApi(readProtoFiles(root))],
    [
      join(root, "docs/sdk.md"),
      await renderSdk(root, { module: "mod.ts", title: "The SDK", name: "@grokbox/sdk" }),
    ],
    [
      join(root, "docs/sdk-live.md"),
      await renderSdk(root, { module: "live/mod.ts", title: "Live progress", name: "@grokbox/sdk/live" }),
    ],
  ]);
}
