import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  DeleteSessionRequestSchema,
  DeleteSessionResponseSchema,
  type ForkSessionRequest,
  ForkSessionRequestSchema,
  ForkSessionResponseSchema,
  type ListSessionsRequest,
  ListSessionsResponseSchema,
  type SessionService,
  type StartSessionRequest,
  StartSessionRequestSchema,
  StartSessionResponseSchema,
  type UpdateSessionRequest,
  UpdateSessionRequestSchema,
  UpdateSessionResponseSchema,
} from "@grokbox/proto/session";
import { Checks } from "../messages/checks.ts";
import { defined } from "../messages/defined.ts";
import { Encoded } from "../messages/encoded.ts";
import { checkBase, parseMeasureSchedule } from "../messages/measure.ts";
import { parseChanges, parseSchedule } from "../messages/retention.ts";
import { parseState, sessionMessage } from "../messages/session.ts";
import { parseSpec } from "../messages/spec.ts";
import { presets } from "../model/presets.ts";
import type { Spec } from "../model/spec.ts";
import { changedSpec } from "../sessions/changes.ts";
import { anySweep, type Registry, type SessionFilter, type StartInput } from "../sessions/registry.ts";
import type { Context } from "./call.ts";
import { checkEngine } from "./engine-choice.ts";
import { type MutatingCall, once } from "./idempotency.ts";
import type { Handlers } from "./service.ts";

const defaultPageSize = 100;

/** Sessions with long lists of pairs make a page shorter, so that it stays below the 4 MiB of a message. */
const maxPageBytes = 3 * 2 ** 20;
const defaultRecordEvery = 100;

export function sessionService(registry: Registry): Handlers<typeof SessionService> {
  return {
    startSession: (request, context) =>
      once(
        registry,
        StartSessionRequestSchema,
        StartSessionResponseSchema,
        request,
        context,
        async (call) => {
          registry.checkOpen();
          const input = await parseStart(registry, request);
          const upload =
            request.weights.case === "upload" ? registry.uploads.take(request.weights.value) : undefined;
          try {
            await registry.start(input, (started) => {
              call.on(started);
              call.answer({ session: sessionMessage(started) });
            });
            upload?.release();
          } catch (error) {
            upload?.putBack();
            throw error;
          }
        },
      ),

    getSession: async ({ name }) => {
      const checks = new Checks();
      checks.session("name", name);
      checks.throwIfAny();
      return { session: sessionMessage(registry.get(name)) };
    },

    listSessions: async (request) => {
      const { filter, before, pageSize } = parseList(request);
      // Messages that repeat a field concatenate: each session is encoded once, to be measured and sent.
      const encode = (part: MessageInitShape<typeof ListSessionsResponseSchema>) =>
        toBinary(ListSessionsResponseSchema, create(ListSessionsResponseSchema, part));
      const page: Uint8Array[] = [];
      let bytes = 0;
      let last = 0;
      for (const session of registry.list(filter, before)) {
        const part = encode({ sessions: [sessionMessage(session)] });
        bytes += part.length;
        if (page.length === pageSize || (page.length > 0 && bytes > maxPageBytes)) {
          page.push(encode({ nextPageToken: pageToken(last) }));
          break;
        }
        page.push(part);
        last = session.identity.ordinal;
      }
      return new Encoded(Buffer.concat(page));
    },

    updateSession: (request, context) =>
      once(
        registry,
        UpdateSessionRequestSchema,
        UpdateSessionResponseSchema,
        request,
        context,
        async (call) => {
          const checks = new Checks();
          checks.requestId(request.requestId);
          checks.session("name", request.name);
          const change = parseUpdate(checks, request);
          checks.throwIfAny();
          registry.checkOpen();
          const session = registry.get(request.name);
          const labels = { ...session.labels, ...request.setLabels };
          for (const key of request.removeLabels) delete labels[key];
          checks.labels("set_labels", labels);
          const { recordEvery } = session.identity;
          const measures = parseMeasureSchedule(checks, request.measureSchedule, session.spec, recordEvery);
          checkBase(checks, measures ?? [], session);
          checks.throwIfAny();
          call.on(session);
          const { setLabels, removeLabels } = request;
          const whole = { ...change, setLabels, removeLabels, ...defined({ measures }) };
          await session.update(whole, context.signal, () =>
            call.answer({ session: sessionMessage(session) }),
          );
        },
      ),

    forkSession: (request, context) =>
      once(registry, ForkSessionRequestSchema, ForkSessionResponseSchema, request, context, (call) =>
        fork(registry, request, context, call),
      ),

    deleteSession: (request, context) =>
      once(
        registry,
        DeleteSessionRequestSchema,
        DeleteSessionResponseSchema,
        request,
        context,
        async (call) => {
          const checks = new Checks();
          checks.requestId(request.requestId);
          checks.session("name", request.name);
          checks.throwIfAny();
          registry.checkOpen();
          call.on(registry.get(request.name));
          await registry.delete(request.name, () => call.answer({}));
        },
      ),
  };
}

function parseUpdate(checks: Checks, { snapshotSchedule, removeLabels }: UpdateSessionRequest) {
  if (removeLabels.length > 64) checks.fail("remove_labels", "must be at most 64", removeLabels.length);
  if (snapshotSchedule === undefined) return {};
  return { schedule: parseSchedule(checks, "snapshot_schedule", snapshotSchedule) ?? null };
}

async function fork(
  registry: Registry,
  request: ForkSessionRequest,
  context: Context,
  call: MutatingCall<typeof ForkSessionResponseSchema>,
): Promise<undefined> {
  const checks = new Checks();
  checks.requestId(request.requestId);
  const at = checks.subject("source", request.source);
  const expectedStep = checks.integer("expected_step", request.expectedStep, 0, Number.MAX_SAFE_INTEGER);
  if (expectedStep !== undefined && at.step !== undefined)
    checks.fail("expected_step", "must be left out with a snapshot as the source", expectedStep);
  const labels = checks.labels("labels", request.labels);
  checkEngine(checks, registry, request.engine);
  const recordEvery = checks.integer("record_every", request.recordEvery, 1, 1_000_000);
  const schedule = parseSchedule(checks, "snapshot_schedule", request.snapshotSchedule);
  checks.throwIfAny();
  registry.checkOpen();
  const source = registry.get(at.session);
  const spec = at.step === undefined ? source.spec : source.snapshots.get(at.step).head.spec;
  const changes = parseChanges(checks, "changes", request.changes, spec);
  const measures = parseMeasureSchedule(
    checks,
    request.measureSchedule,
    changedSpec(spec, changes),
    recordEvery ?? source.identity.recordEvery,
  );
  checks.throwIfAny();
  // Before a snapshot is kept for it.
  registry.checkRoom();
  const kept = at.step === undefined ? await source.keepForFork(expectedStep, context.signal) : undefined;
  const { engine } = request;
  const input = { changes, labels, engine, ...defined({ recordEvery, schedule, measures }) };
  try {
    await registry.fork(source, at.step ?? kept!.step, input, (forked) => {
      call.on(forked);
      call.answer({ session: sessionMessage(forked) });
    });
  } catch (error) {
    await kept?.takeBack();
    throw error;
  }
  kept?.release();
}

async function parseStart(registry: Registry, request: StartSessionRequest): Promise<StartInput> {
  const checks = new Checks();
  checks.requestId(request.requestId);
  const known = request.preset === "" || Object.hasOwn(presets, request.preset);
  if (!known)
    checks.fail("preset", `must be empty or one of ${Object.keys(presets).join(", ")}`, request.preset);
  checkEngine(checks, registry, request.engine);
  const schedule = parseSchedule(checks, "snapshot_schedule", request.snapshotSchedule);
  const common = {
    ...defined({ schedule }),
    preset: request.preset,
    labels: checks.labels("labels", request.labels),
    engine: request.engine,
    recordEvery: checks.integer("record_every", request.recordEvery, 1, 1_000_000, defaultRecordEvery),
  };
  if (request.weights.case === "snapshot") {
    const { session, step } = checks.snapshot("snapshot", request.weights.value);
    if (request.preset !== "")
      checks.fail("preset", "must be empty with snapshot, which has its own spec", request.preset);
    if (request.spec !== undefined) checks.fail("spec", "must be left out with snapshot, which has its own");
    checks.throwIfAny();
    const { info, spec, state, train } = await registry.get(session).readSnapshot(step);
    return { ...common, ...measured(checks, request, spec), preset: info.preset, spec, state, train };
  }
  const spec = parseSpec(checks, request.spec, known && request.preset !== "" ? request.preset : undefined);
  if (request.weights.case !== "upload") {
    checks.throwIfAny();
    return { ...common, ...measured(checks, request, spec), spec };
  }
  const uploaded = parseUpload(registry, checks, request, request.weights.value);
  return { ...common, ...measured(checks, request, uploaded.spec), ...uploaded };
}

/** What a session of this spec is to measure; the spec must be right. */
function measured(checks: Checks, { measureSchedule, recordEvery }: StartSessionRequest, spec: Spec) {
  const every = recordEvery ?? defaultRecordEvery;
  const measures = parseMeasureSchedule(checks, measureSchedule, spec, every);
  checks.throwIfAny();
  return defined({ measures });
}

function parseUpload(registry: Registry, checks: Checks, request: StartSessionRequest, name: string) {
  if (!/^uploads\/[a-z0-9-]{1,63}$/.test(name)) {
    checks.fail("upload", "must be uploads/{id}", name);
    checks.throwIfAny();
  }
  const { modulus, width, state, train, spec: base } = registry.uploads.get(name);
  const { spec } = request;
  if ((spec?.modulus ?? modulus) !== modulus)
    checks.fail("spec.modulus", `must be the upload's ${modulus}`, spec?.modulus);
  if ((spec?.width ?? width) !== width)
    checks.fail("spec.width", `must be the upload's ${width}`, spec?.width);
  const dimension = state.factors && state.factors.embedding.length / modulus;
  if (dimension === undefined && spec?.embedding !== undefined) {
    checks.fail("spec.embedding", "must be left out: the upload has no embedding");
  } else if ((spec?.embedding?.dimension ?? dimension) !== dimension) {
    checks.fail("spec.embedding.dimension", `must be the upload's ${dimension}`, spec?.embedding?.dimension);
  }
  const embedding = dimension && { embedding: { dimension } };
  const asked =
    spec === undefined ? { modulus, width, ...embedding } : { ...spec, modulus, width, ...embedding };
  // What a file says of its run is the default for what the request leaves out.
  const defaults = request.preset === "" ? base : request.preset;
  const whole = parseSpec(checks, asked as typeof spec, defaults);
  if (whole.optimizer.kind === "sgd" && state.moments !== undefined) {
    checks.fail("spec.optimizer", "must be adamw: the upload has its moments", "sgd");
  }
  if (whole.optimizer.grokfast === undefined && state.averages !== undefined) {
    checks.fail("spec.optimizer", "must have grokfast: the upload has its averages");
  }
  checks.throwIfAny();
  // Training pairs that came with the weights are used unless the request says which to use.
  const split = request.spec?.split === undefined && train !== undefined ? explicitSplit(train) : whole.split;
  const isBase = base !== undefined && JSON.stringify(whole) === JSON.stringify(base);
  const init = isBase ? whole.init : { kind: "uploaded" as const };
  const keepsSplit = request.spec?.split === undefined && train !== undefined;
  return {
    spec: { ...whole, init, split: isBase ? whole.split : split },
    state,
    ...(keepsSplit ? { train } : {}),
  };
}

function explicitSplit(train: Uint8Array): Spec["split"] {
  const trainPairs = [...train.keys()].filter((pair) => train[pair] === 1);
  return { kind: "explicit", trainPairs };
}

function parseList(request: ListSessionsRequest): {
  filter: SessionFilter;
  before: number;
  pageSize: number;
} {
  const checks = new Checks();
  const pageSize = checks.integer("page_size", request.pageSize, 0, 1_000, 0) || defaultPageSize;
  const states = request.states.map((state, i) => {
    const parsed = parseState(state);
    if (parsed === undefined) checks.fail(`states[${i}]`, "must be one of the session states", state);
    return parsed ?? "idle";
  });
  const before =
    request.pageToken === "" ? Number.POSITIVE_INFINITY : readPageToken(checks, request.pageToken);
  const labels = checks.labels("labels", request.labels);
  const { sweep } = request;
  if (sweep !== "" && sweep !== anySweep) checks.sweep("sweep", sweep);
  checks.throwIfAny();
  return { filter: { states, labels, ...(sweep === "" ? {} : { sweep }) }, before, pageSize };
}

export function pageToken(ordinal: number): string {
  return Buffer.from(`before ${ordinal}`).toString("base64url");
}

export function readPageToken(checks: Checks, token: string): number {
  const match = /^before (\d{1,15})$/.exec(Buffer.from(token, "base64url").toString());
  if (match === null) checks.fail("page_token", "must be a next_page_token of an earlier answer", token);
  return Number(match?.[1] ?? 0);
}
