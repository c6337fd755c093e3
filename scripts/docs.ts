import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { makePages } from "./docs/pages.ts";

/** Writes the documentation that is made of comments: `docs/api.md` of the protos, `docs/sdk.md` and `docs/sdk-live.md` of the SDK. */
for (const [path, text] of await makePages()) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
