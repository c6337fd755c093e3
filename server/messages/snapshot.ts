import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { SnapshotKind as KindMessage, type SnapshotInfoSchema } from "@grokbox/proto/snapshot";
import { DataType } from "@grokbox/proto/tensor";
import { arrayShape, type SnapshotInfo, type SnapshotKind } from "../sessions/snapshot.ts";
import { specMessage } from "./spec.ts";

const kinds: Readonly<Record<SnapshotKind, KindMessage>> = {
  requested: KindMessage.REQUESTED,
  scheduled: KindMessage.SCHEDULED,
  stage: KindMessage.STAGE,
  triggered: KindMessage.TRIGGERED,
  replaced: KindMessage.REPLACED,
};

export function snapshotMessage({
  session,
  step,
  createTimeMs,
  kind,
  label,
  forks,
  arrays,
  sha256,
  head: { spec },
}: SnapshotInfo): MessageInitShape<typeof SnapshotInfoSchema> {
  const tensors = arrays.map((name) => ({
    name,
    dtype: DataType.FLOAT32,
    shape: arrayShape(name, spec),
  }));
  const numbers = tensors.reduce((sum, { shape: [rows, columns] }) => sum + rows! * columns!, 0);
  return {
    name: `${session}/snapshots/${step}`,
    step: BigInt(step),
    spec: specMessage(spec),
    createTime: timestampFromMs(createTimeMs),
    kind: kinds[kind],
    label,
    forks,
    manifest: {
      tensors,
      totalBytes: BigInt(numbers * Float32Array.BYTES_PER_ELEMENT),
      sha256,
    },
  };
}
