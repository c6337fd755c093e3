import { SessionService } from "@grokbox/proto/session";
import {
  type ListSnapshotsRequest,
  SnapshotKind,
  type SnapshotRequest,
  SnapshotService,
} from "@grokbox/proto/snapshot";
import { expect, test } from "vitest";
import { cancelledAtFirst } from "./testing/cancelling.ts";
import { connect, info, session, spec } from "./testing/messages.ts";
import { on, serve } from "./testing/scripted-server.ts";

const found = on(SessionService.method.getSession, () => ({ session: session({ step: 2_200n }) }));

function message(step: number) {
  return {
    name: `sessions/a/snapshots/${step}`,
    step: BigInt(step),
    spec,
    kind: SnapshotKind.SCHEDULED,
    label: "",
    forks: 2,
    manifest: { totalBytes: 1_000n },
  };
}

test("snapshots are listed over as many pages as there are", async () => {
  const requests: ListSnapshotsRequest[] = [];
  const list = on(SnapshotService.method.listSnapshots, (request) => {
    const page = requests.push(request);
    return {
      snapshots: [message(10 - 2 * page), message(9 - 2 * page)],
      nextPageToken: page < 3 ? `page ${page + 1}` : "",
    };
  });
  await using server = await serve(info, found, list);
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  const snapshots = [];
  for await (const snapshot of handle.snapshots({ pageSize: 2 })) snapshots.push(snapshot);
  expect(snapshots.map(({ step }) => step)).toEqual([8, 7, 6, 5, 4, 3]);
  expect(snapshots[0]).toMatchObject({ kind: "scheduled", forks: 2, label: "", bytes: 1_000 });
  expect(requests.map(({ session, pageSize, pageToken }) => [session, pageSize, pageToken])).toEqual([
    ["sessions/a", 2, ""],
    ["sessions/a", 2, "page 2"],
    ["sessions/a", 2, "page 3"],
  ]);
});

test("the caller's signal ends the list within a page", async () => {
  const list = on(SnapshotService.method.listSnapshots, () => ({ snapshots: [message(2), message(1)] }));
  await using server = await serve(info, found, list);
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  const cancelled = await cancelledAtFirst((signal) => handle.snapshots({ signal }));
  expect(cancelled).toEqual({ seen: 1, failure: expect.objectContaining({ reason: "CANCELLED" }) });
});

test("a snapshot can be taken with a label, deleted, and gone back to; the handle knows the step then", async () => {
  const names: string[] = [];
  let taken: SnapshotRequest | undefined;
  const take = on(SnapshotService.method.snapshot, (request) => {
    taken = request;
    return { snapshot: { ...message(2_200), kind: SnapshotKind.REQUESTED, label: request.label } };
  });
  const remove = on(SnapshotService.method.deleteSnapshot, ({ name, requestId }) => {
    names.push(`delete ${name}`);
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
    return {};
  });
  const restore = on(SnapshotService.method.restoreSnapshot, ({ name, requestId, expectedStep }) => {
    names.push(`restore ${name} ${expectedStep}`);
    expect(requestId).toMatch(/^[0-9a-f-]{36}$/);
    return { session: "sessions/a", step: 2_200n };
  });
  await using server = await serve(info, found, take, remove, restore);
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  expect(await handle.snapshot({ label: "just before" })).toMatchObject({
    kind: "requested",
    label: "just before",
  });
  expect(taken).toMatchObject({ session: "sessions/a", label: "just before" });
  await handle.deleteSnapshot(5);
  expect((await handle.restore(2_200, { expectedStep: 10 })).step).toBe(2_200);
  expect(names).toEqual(["delete sessions/a/snapshots/5", "restore sessions/a/snapshots/2200 10"]);
});
