import { expect, test } from "vitest";
import type { CallName } from "./protocol.ts";
import { StoreThread } from "./thread.ts";

test("when the thread ends by a defect, the waiting calls and the later ones fail with CLOSED", async () => {
  const thread = new StoreThread();
  await thread.call("open", [{ directory: undefined, holder: "the test", maxEphemeralBytes: 1e8 }]);
  const defect = thread.call("no such call" as CallName, [] as never);
  const waiting = thread.call("usage", []);
  await expect(defect).rejects.toMatchObject({
    name: "StoreError",
    kind: "CLOSED",
    message: "the store's thread ended by a defect: there is no call no such call",
  });
  await expect(waiting).rejects.toMatchObject({ kind: "CLOSED" });
  await expect(thread.call("usage", [])).rejects.toMatchObject({ kind: "CLOSED" });
});
