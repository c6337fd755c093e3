import { create, type MessageShape, toBinary } from "@bufbuild/protobuf";
import {
  DeleteSessionRequestSchema,
  type ListSessionsRequest,
  SessionSchema,
  type SessionService,
  type StartSessionRequest,
  StartSessionRequestSchema,
} from "@grokbox/proto/session";
import { presets } from "../model/presets.ts";
import type { Registry, SessionFilter, StartInput } from "../sessions/registry.ts";
import { Checks } from "./checks.ts";
import { once } from "./idempotency.ts";
import type { Handlers } from "./service.ts";
import { parseState, sessionMessage } from "./session-message.ts";
import { parseSpec } from "./spec-message.ts";

const defaultPageSize = 100;

/** Sessions with long lists of pairs make a page shorter, so that it stays below the 4 MiB of a message. */
const maxPageBytes = 3 * 2 ** 20;
const defaultRecordEvery = 100;

export function sessionService(registry: Registry): Handlers<typeof SessionService> {
  return {
    startSession: (request, context) =>
      once(registry, StartSessionRequestSchema, request, context, async () => {
        registry.checkOpen();
        const input = parseStart(registry, request);
        const upload =
          request.weights.case === "upload" ? registry.uploads.take(request.weights.value) : undefined;
        try {
          const session = await registry.start(input);
          upload?.release();
          return { session: sessionMessage(session) };
        } catch (error) {
          upload?.putBack();
          throw error;
        }
      }),

    getSession: async ({ name }) => {
      const checks = new Checks();
      checks.session("name", name);
      checks.throwIfAny();
      return { session: sessionMessage(registry.get(name)) };
    },

    listSessions: async (request) => {
      const { filter, before, pageSize } = parseList(request);
      const page: MessageShape<typeof SessionSchema>[] = [];
      let bytes = 0;
      let last = 0;
      for (const session of registry.list(filter, before)) {
        const message = create(SessionSchema, sessionMessage(session));
        bytes += toBinary(SessionSchema, message).length;
        const full = page.length === pageSize || (page.length > 0 && bytes > maxPageBytes);
        if (full) return { sessions: page, nextPageToken: pageToken(last) };
        page.push(message);
        last = session.identity.ordinal;
      }
      return { sessions: page, nextPageToken: "" };
    },

    deleteSession: (request, context) =>
      once(registry, DeleteSessionRequestSchema, request, context, async () => {
        const checks = new Checks();
        checks.requestId(request.requestId);
        checks.session("name", request.name);
        checks.throwIfAny();
        await registry.delete(request.name);
        return {};
      }),
  };
}

function parseStart(registry: Registry, request: StartSessionRequest): StartInput {
  const checks = new Checks();
  checks.requestId(request.requestId);
  const known = request.preset === "" || Object.hasOwn(presets, request.preset);
  if (!known)
    checks.fail("preset", `must be empty or one of ${Object.keys(presets).join(", ")}`, request.preset);
  const names = ["", "auto", ...registry.engines.map(({ engine }) => engine.name)];
  if (!names.includes(request.engine)) {
    checks.fail("engine", `must be empty or one of ${names.slice(1).join(", ")}`, request.engine);
  }
  const common = {
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
    const { spec, state, train, preset } = registry.getSnapshot(session, step);
    return { ...common, preset, spec, state, train };
  }
  const spec = parseSpec(checks, request.spec, known && request.preset !== "" ? request.preset : undefined);
  if (request.weights.case !== "upload") {
    checks.throwIfAny();
    return { ...common, spec };
  }
  return { ...common, ...parseUpload(registry, checks, request, request.weights.value) };
}

function parseUpload(registry: Registry, checks: Checks, request: StartSessionRequest, name: string) {
  if (!/^uploads\/[a-z0-9-]{1,63}$/.test(name)) {
    checks.fail("upload", "must be uploads/{id}", name);
    checks.throwIfAny();
  }
  const { modulus, width, state } = registry.uploads.get(name);
  const { spec } = request;
  if ((spec?.modulus ?? modulus) !== modulus)
    checks.fail("spec.modulus", `must be the upload's ${modulus}`, spec?.modulus);
  if ((spec?.width ?? width) !== width)
    checks.fail("spec.width", `must be the upload's ${width}`, spec?.width);
  const asked = spec === undefined ? { modulus, width } : { ...spec, modulus, width };
  const whole = parseSpec(checks, asked as typeof spec, request.preset === "" ? undefined : request.preset);
  if (whole.optimizer.kind === "sgd" && state.moments !== undefined) {
    checks.fail("spec.optimizer", "must be adamw: the upload has its moments", "sgd");
  }
  checks.throwIfAny();
  return { spec: { ...whole, init: { kind: "uploaded" as const } }, state };
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
  checks.throwIfAny();
  return { filter: { states, labels }, before, pageSize };
}

function pageToken(ordinal: number): string {
  return Buffer.from(`before ${ordinal}`).toString("base64url");
}

function readPageToken(checks: Checks, token: string): number {
  const match = /^before (\d{1,15})$/.exec(Buffer.from(token, "base64url").toString());
  if (match === null) checks.fail("page_token", "must be a next_page_token of an earlier answer", token);
  return Number(match?.[1] ?? 0);
}
