import { createHash } from "node:crypto";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  DeleteSnapshotRequestSchema,
  DeleteSnapshotResponseSchema,
  type DownloadSnapshotResponseSchema,
  FileFormat,
  RestoreSnapshotRequestSchema,
  RestoreSnapshotResponseSchema,
  SnapshotInfoSchema,
  SnapshotRequestSchema,
  SnapshotResponseSchema,
  type SnapshotService,
} from "@grokbox/proto/snapshot";
import { Checks } from "../messages/checks.ts";
import { parseLabel } from "../messages/retention.ts";
import { snapshotMessage } from "../messages/snapshot.ts";
import { npzFile } from "../sessions/files/npz.ts";
import { safetensorsFile } from "../sessions/files/safetensors.ts";
import { type FileSegments, fileOf } from "../sessions/files/state-file.ts";
import type { Registry } from "../sessions/registry.ts";
import { arrays, bytesOf, type Snapshot } from "../sessions/snapshot.ts";
import { once } from "./idempotency.ts";
import type { Handlers } from "./service.ts";
import { receiveUpload } from "./upload.ts";

type Part = MessageInitShape<typeof DownloadSnapshotResponseSchema>;

const chunkBytes = 256 * 1024;
const maxStep = Number.MAX_SAFE_INTEGER;
const defaultPageSize = 100;

/** As for sessions: long lists of pairs make a page shorter. */
const maxPageBytes = 3 * 2 ** 20;

export function snapshotService(registry: Registry): Handlers<typeof SnapshotService> {
  return {
    snapshot: (request, context) =>
      once(registry, SnapshotRequestSchema, SnapshotResponseSchema, request, context, async (call) => {
        const checks = new Checks();
        checks.requestId(request.requestId);
        checks.session("session", request.session);
        const expectedStep = checks.integer("expected_step", request.expectedStep, 0, maxStep);
        const label = parseLabel(checks, "label", request.label);
        checks.throwIfAny();
        const session = registry.get(request.session);
        call.on(session);
        await session.snapshot({ expectedStep, label }, context.signal, (taken) =>
          call.answer({ snapshot: snapshotMessage(taken) }),
        );
      }),

    listSnapshots: async (request) => {
      const checks = new Checks();
      checks.session("session", request.session);
      const size = checks.integer("page_size", request.pageSize, 0, 1_000, 0) || defaultPageSize;
      const before =
        request.pageToken === "" ? Number.POSITIVE_INFINITY : readToken(checks, request.pageToken);
      checks.throwIfAny();
      const infos = registry.get(request.session).snapshots.list();
      const page: MessageInitShape<typeof SnapshotInfoSchema>[] = [];
      let bytes = 0;
      let last = 0;
      for (const info of infos) {
        if (info.step >= before) continue;
        const message = create(SnapshotInfoSchema, snapshotMessage(info));
        bytes += toBinary(SnapshotInfoSchema, message).length;
        if (page.length === size || (page.length > 0 && bytes > maxPageBytes)) {
          return { snapshots: page, nextPageToken: token(last) };
        }
        page.push(message);
        last = info.step;
      }
      return { snapshots: page, nextPageToken: "" };
    },

    deleteSnapshot: (request, context) =>
      once(
        registry,
        DeleteSnapshotRequestSchema,
        DeleteSnapshotResponseSchema,
        request,
        context,
        async (call) => {
          const checks = new Checks();
          checks.requestId(request.requestId);
          const at = checks.snapshot("name", request.name);
          checks.throwIfAny();
          registry.checkOpen();
          const session = registry.get(at.session);
          session.snapshots.get(at.step);
          call.on(session);
          await session.deleteSnapshot(at.step, () => call.answer({}));
        },
      ),

    restoreSnapshot: (request, context) =>
      once(
        registry,
        RestoreSnapshotRequestSchema,
        RestoreSnapshotResponseSchema,
        request,
        context,
        async (call) => {
          const checks = new Checks();
          checks.requestId(request.requestId);
          const at = checks.snapshot("name", request.name);
          const expectedStep = checks.integer("expected_step", request.expectedStep, 0, maxStep);
          checks.throwIfAny();
          registry.checkOpen();
          const session = registry.get(at.session);
          call.on(session);
          await session.restoreSnapshot(at.step, expectedStep, call.receipt, context.signal);
          return { session: session.name, step: BigInt(at.step) };
        },
      ),

    downloadSnapshot: async function* ({ name, format }) {
      const checks = new Checks();
      const { session, step } = checks.snapshot("name", name);
      if (!Object.values<number>(FileFormat).includes(format))
        checks.fail("format", "must be one of FileFormat", format);
      checks.throwIfAny();
      // Its reader may take as long as it likes.
      const { snapshot, giveBack } = await registry.lent.borrow(registry.get(session), step);
      try {
        yield { part: { case: "snapshot" as const, value: snapshotMessage(snapshot.info) } };
        if (format === FileFormat.UNSPECIFIED) {
          yield* chunks(fileOf(arrays(snapshot.state).map(({ data }) => bytesOf(data))));
        } else {
          yield* file(format, segmentsOf(snapshot, format));
        }
      } finally {
        giveBack();
      }
    },

    uploadWeights: (requests, context) => receiveUpload(registry, requests, context),
  };
}

function segmentsOf({ info, spec, state, train }: Snapshot, format: FileFormat): FileSegments {
  const { step, session, createTimeMs } = info;
  const content = { step, spec, state, train, session, createTimeMs };
  return format === FileFormat.NPZ ? npzFile(content) : safetensorsFile(content);
}

async function* file(format: FileFormat, segments: FileSegments): AsyncGenerator<Part> {
  const totalBytes = BigInt(segments.totalBytes);
  yield { part: { case: "file", value: { format, totalBytes } } };
  const hash = createHash("sha256");
  for await (const part of chunks(segments, (bytes) => hash.update(bytes))) yield part;
  yield { part: { case: "file", value: { format, totalBytes, sha256: hash.digest() } } };
}

async function* chunks(
  { segments }: FileSegments,
  sent: (bytes: Uint8Array) => void = () => {},
): AsyncGenerator<Part> {
  let offset = 0;
  for (const segment of segments) {
    for (let start = 0; start < segment.length; start += chunkBytes) {
      const data = segment.subarray(start, start + chunkBytes);
      sent(data);
      yield { part: { case: "chunk", value: { offset: BigInt(offset), data } } };
      offset += data.length;
    }
  }
}

function token(step: number): string {
  return Buffer.from(`before ${step}`).toString("base64url");
}

function readToken(checks: Checks, text: string): number {
  const match = /^before (\d{1,16})$/.exec(Buffer.from(text, "base64url").toString());
  if (match === null) checks.fail("page_token", "must be a next_page_token of an earlier answer", text);
  return Number(match?.[1] ?? 0);
}
