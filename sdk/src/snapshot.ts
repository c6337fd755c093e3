import { timestampDate } from "@bufbuild/protobuf/wkt";
import { SnapshotKind as KindMessage, type SnapshotInfo, SnapshotService } from "@grokbox/proto/snapshot";
import type { Connection } from "./connection.ts";
import { type CallOptions, callKeys } from "./deadline.ts";
import { defined } from "./defined.ts";
import { nameOf } from "./enum-name.ts";
import { badAnswer, throwIfCancelled } from "./error.ts";
import { toHex } from "./hex.ts";
import { type Known, refuseUnknown } from "./known-keys.ts";
import { fromSpec, type Spec } from "./spec.ts";
import { fromUint64 } from "./uint64.ts";

const kinds = {
  requested: KindMessage.REQUESTED,
  scheduled: KindMessage.SCHEDULED,
  stage: KindMessage.STAGE,
  triggered: KindMessage.TRIGGERED,
  replaced: KindMessage.REPLACED,
} as const;

/**
 * Why a snapshot was taken: somebody asked for it, its session's schedule did, a stage ended, a trigger fired, or `Session.restore`
 * replaced the state. Only scheduled ones are deleted in time, unless they have a label or forks.
 */
export type SnapshotKind = keyof typeof kinds | "unknown";

/** An immutable copy of a session's whole state, kept by the server. */
export interface Snapshot {
  /** sessions/{id}/snapshots/{step} */
  readonly name: string;
  /** Updates made. */
  readonly step: number;
  /** The spec at that step. */
  readonly spec: Spec;
  readonly createTime?: Date;
  readonly kind: SnapshotKind;
  /** What a user wrote, or empty. */
  readonly label: string;
  /** Sessions that were forked from it. */
  readonly forks: number;
  /** Of its arrays. */
  readonly bytes: number;
  /** SHA-256 of the arrays' bytes, in hexadecimal. */
  readonly sha256: string;
}

export interface SnapshotsOptions extends CallOptions {
  /** Snapshots an answer, 1 to 1,000. @default 100 */
  readonly pageSize?: number | undefined;
}

const keys: Known<SnapshotsOptions> = { pageSize: true, ...callKeys };

/** A session's snapshots, latest step first. The deadline is for each page. */
export async function* listSnapshots(
  connection: Connection,
  session: string,
  options: SnapshotsOptions,
): AsyncGenerator<Snapshot, void, undefined> {
  refuseUnknown(options, keys);
  const { pageSize = 0 } = options;
  let pageToken = "";
  do {
    const request = { session, pageSize, pageToken };
    const page = await connection.read(SnapshotService.method.listSnapshots, request, options);
    for (const snapshot of page.snapshots) {
      yield fromSnapshot(snapshot);
      throwIfCancelled(options.signal);
    }
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
}

export function fromSnapshot(message: SnapshotInfo | undefined): Snapshot {
  if (message === undefined) throw badAnswer("the server left out the snapshot");
  const { name, createTime, label, forks, manifest } = message;
  return {
    name,
    step: fromUint64(message.step),
    spec: fromSpec(message.spec),
    ...defined({ createTime: createTime && timestampDate(createTime) }),
    kind: nameOf(kinds, message.kind) ?? "unknown",
    label,
    forks,
    bytes: fromUint64(manifest?.totalBytes ?? 0n),
    sha256: toHex(manifest?.sha256 ?? new Uint8Array()),
  };
}
