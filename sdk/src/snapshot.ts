import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { SnapshotInfo } from "@grokbox/proto/snapshot";
import { defined } from "./defined.ts";
import { badAnswer } from "./error.ts";
import { fromSpec, type Spec } from "./spec.ts";
import { fromUint64 } from "./uint64.ts";

/** An immutable copy of a session's whole state, kept by the server. */
export interface Snapshot {
  /** sessions/{id}/snapshots/{step} */
  readonly name: string;
  /** Updates made. */
  readonly step: number;
  /** The spec at that step. */
  readonly spec: Spec;
  readonly createTime?: Date;
}

export function fromSnapshot(message: SnapshotInfo | undefined): Snapshot {
  if (message === undefined) throw badAnswer("the server left out the snapshot");
  const { name, createTime } = message;
  return {
    name,
    step: fromUint64(message.step),
    spec: fromSpec(message.spec),
    ...defined({ createTime: createTime && timestampDate(createTime) }),
  };
}
