import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { SnapshotRequestSchema, type SnapshotService } from "@grokbox/proto/snapshot";
import { DataType } from "@grokbox/proto/tensor";
import type { Registry } from "../sessions/registry.ts";
import { arrays, bytesOf, type Snapshot, stateBytes } from "../sessions/snapshot.ts";
import { Checks } from "./checks.ts";
import { once } from "./idempotency.ts";
import type { Handlers } from "./service.ts";
import { specMessage } from "./spec-message.ts";
import { receiveUpload } from "./upload.ts";

const chunkBytes = 256 * 1024;

export function snapshotService(registry: Registry): Handlers<typeof SnapshotService> {
  return {
    snapshot: (request, context) =>
      once(registry, SnapshotRequestSchema, request, context, async () => {
        const checks = new Checks();
        checks.requestId(request.requestId);
        checks.session("session", request.session);
        const expectedStep = checks.integer(
          "expected_step",
          request.expectedStep,
          0,
          Number.MAX_SAFE_INTEGER,
        );
        checks.throwIfAny();
        const session = registry.get(request.session);
        return { snapshot: snapshotMessage(await session.snapshot(expectedStep, context.signal)) };
      }),

    downloadSnapshot: async function* ({ name }) {
      const checks = new Checks();
      const { session, step } = checks.snapshot("name", name);
      checks.throwIfAny();
      const snapshot = registry.getSnapshot(session, step);
      yield { part: { case: "snapshot" as const, value: snapshotMessage(snapshot) } };
      let offset = 0;
      for (const { data } of arrays(snapshot.state)) {
        const bytes = bytesOf(data);
        for (let start = 0; start < bytes.length; start += chunkBytes) {
          const chunk = bytes.subarray(start, start + chunkBytes);
          yield { part: { case: "chunk" as const, value: { offset: BigInt(offset), data: chunk } } };
          offset += chunk.length;
        }
      }
    },

    uploadWeights: (requests, context) => receiveUpload(registry, requests, context),
  };
}

function snapshotMessage({ session, spec, state, createTimeMs, sha256 }: Snapshot) {
  return {
    name: `${session}/snapshots/${state.step}`,
    step: BigInt(state.step),
    spec: specMessage(spec),
    createTime: timestampFromMs(createTimeMs),
    manifest: {
      tensors: arrays(state).map(({ name }) => ({
        name,
        dtype: DataType.FLOAT32,
        shape: [spec.width, spec.modulus],
      })),
      totalBytes: BigInt(stateBytes(state)),
      sha256,
    },
  };
}
