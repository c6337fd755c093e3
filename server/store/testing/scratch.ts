import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import type { Store } from "../store.ts";
import { openStoreAgain } from "./kept-threads.ts";

/** A directory that goes with the test. */
export function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), "grokbox-store-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** A store that is closed with the test. */
export async function open(directory: string | undefined, holder = "the test"): Promise<Store> {
  const store = await openStoreAgain({ directory, holder });
  onTestFinished(() => store.close());
  return store;
}
