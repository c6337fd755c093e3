import {
  MoveSessionRequestSchema,
  MoveSessionResponseSchema,
  PauseRequestSchema,
  PauseResponseSchema,
  RunRequestSchema,
  RunResponseSchema,
  SetTriggersRequestSchema,
  SetTriggersResponseSchema,
  StepRequestSchema,
  StepResponseSchema,
  type SwapActivationRequest,
  SwapActivationRequestSchema,
  SwapActivationResponseSchema,
  type TrainingService,
} from "@grokbox/proto/training";
import { Checks } from "../messages/checks.ts";
import { defined } from "../messages/defined.ts";
import { checkMeasures, parsePlan } from "../messages/plan.ts";
import { pointMessage, scoresMessage, watchMessage } from "../messages/progress.ts";
import { parseTriggers } from "../messages/retention.ts";
import { sessionMessage } from "../messages/session.ts";
import { score, subject } from "../sessions/analysis.ts";
import type { Registry } from "../sessions/registry.ts";
import { watch } from "../sessions/watch.ts";
import type { Context } from "./call.ts";
import { checkEngine } from "./engine-choice.ts";
import { type MutatingCall, once } from "./idempotency.ts";
import type { Handlers } from "./service.ts";

const maxStep = Number.MAX_SAFE_INTEGER;
const maxSteps = 100_000_000;

export function trainingService(registry: Registry): Handlers<typeof TrainingService> {
  return {
    step: (request, context) =>
      once(registry, StepRequestSchema, StepResponseSchema, request, context, async (call) => {
        const checks = new Checks();
        checks.requestId(request.requestId);
        checks.session("session", request.session);
        const steps = checks.integer("steps", request.steps, 1, maxSteps, 1);
        const expectedStep = checks.integer("expected_step", request.expectedStep, 0, maxStep);
        checks.throwIfAny();
        registry.checkOpen();
        const session = registry.get(request.session);
        call.on(session);
        const { receipt } = call;
        const point = await session.advanceBy({ steps, expectedStep, receipt }, context.signal);
        return { point: pointMessage(point), session: sessionMessage(session) };
      }),

    run: (request, context) =>
      once(registry, RunRequestSchema, RunResponseSchema, request, context, async (call) => {
        const checks = new Checks();
        checks.requestId(request.requestId);
        checks.session("session", request.session);
        const expectedStep = checks.integer("expected_step", request.expectedStep, 0, maxStep);
        const unresolved = parsePlan(checks, request.plan, 0);
        checks.throwIfAny();
        registry.checkOpen();
        const session = registry.get(request.session);
        const plan = { ...unresolved, recordEvery: unresolved.recordEvery || session.identity.recordEvery };
        checkMeasures(checks, plan, session);
        checks.throwIfAny();
        call.on(session);
        // As it is when the run starts: by the time that this is durable the run may have ended.
        await session.run(plan, expectedStep, context.signal, (newest) =>
          call.answer({
            session: sessionMessage(session),
            newestSequence: BigInt(newest),
            epoch: session.epoch,
          }),
        );
      }),

    pause: (request, context) =>
      once(registry, PauseRequestSchema, PauseResponseSchema, request, context, async (call) => {
        const checks = new Checks();
        checks.requestId(request.requestId);
        checks.session("session", request.session);
        checks.throwIfAny();
        const session = registry.get(request.session);
        call.on(session);
        await session.pause(() => call.answer({ session: sessionMessage(session) }));
      }),

    swapActivation: (request, context) =>
      request.evaluateOnly
        ? evaluateActivations(registry, request, context)
        : once(
            registry,
            SwapActivationRequestSchema,
            SwapActivationResponseSchema,
            request,
            context,
            (call) => swap(registry, request, context, call),
          ),

    moveSession: (request, context) =>
      once(registry, MoveSessionRequestSchema, MoveSessionResponseSchema, request, context, async (call) => {
        const checks = new Checks();
        checks.requestId(request.requestId);
        checks.session("session", request.session);
        if (request.engine === "") checks.fail("engine", "must be auto or the name of an engine", "");
        else checkEngine(checks, registry, request.engine);
        const expectedStep = checks.integer("expected_step", request.expectedStep, 0, maxStep);
        checks.throwIfAny();
        registry.checkOpen();
        const session = registry.get(request.session);
        call.on(session);
        await registry.move(session, request.engine, expectedStep, call.receipt, context.signal);
        return { session: sessionMessage(session) };
      }),

    setTriggers: (request, context) =>
      once(registry, SetTriggersRequestSchema, SetTriggersResponseSchema, request, context, async (call) => {
        const checks = new Checks();
        checks.requestId(request.requestId);
        checks.session("session", request.session);
        checks.throwIfAny();
        registry.checkOpen();
        const session = registry.get(request.session);
        const triggers = parseTriggers(checks, request.triggers, session);
        checks.throwIfAny();
        call.on(session);
        await session.setTriggers(triggers, context.signal, () =>
          call.answer({ session: sessionMessage(session) }),
        );
      }),

    getHistory: async (request) => {
      const checks = new Checks();
      checks.session("session", request.session);
      const from = checks.integer("from_sequence", request.fromSequence, 0, maxStep, 0);
      const size = checks.integer("page_size", request.pageSize, 0, 10_000, 0) || 1_000;
      checks.throwIfAny();
      const session = registry.get(request.session);
      const { log } = session;
      const points = await session.withLog(() => log.read(Math.max(1, from), size));
      const last = points.at(-1)?.sequence ?? log.newest;
      return {
        points: points.map(pointMessage),
        nextSequence: BigInt(last < log.newest ? last + 1 : 0),
        retained: {
          epoch: session.epoch,
          oldestSequence: BigInt(log.oldest),
          newestSequence: BigInt(log.newest),
        },
      };
    },

    watchProgress: async function* (request, context) {
      const checks = new Checks();
      checks.session("session", request.session);
      const from = checks.integer("from_sequence", request.fromSequence, 0, maxStep);
      if (!/^[a-f0-9-]{0,64}$/.test(request.epoch))
        checks.fail("epoch", "must be a server's epoch or empty", request.epoch);
      checks.throwIfAny();
      const options = {
        ...defined({ from, epoch: request.epoch || undefined }),
        untilIdle: request.untilIdle,
      };
      for await (const event of watch(registry.get(request.session), options, context.signal)) {
        yield watchMessage(event);
      }
    },
  };
}

async function swap(
  registry: Registry,
  request: SwapActivationRequest,
  context: Context,
  call: MutatingCall<typeof SwapActivationResponseSchema>,
) {
  const checks = new Checks();
  checks.requestId(request.requestId);
  checks.session("session", request.session);
  if (request.activations.length !== 1) {
    checks.fail("activations", "must be exactly one without evaluate_only", request.activations.length);
  }
  if (request.snapshot !== "")
    checks.fail("snapshot", "must be empty without evaluate_only", request.snapshot);
  const activation = checks.activation("activations[0]", request.activations[0] ?? "");
  const expectedStep = checks.integer("expected_step", request.expectedStep, 0, maxStep);
  checks.throwIfAny();
  registry.checkOpen();
  const session = registry.get(request.session);
  call.on(session);
  await session.swapActivation(activation, expectedStep, call.receipt, context.signal);
  const now = await subject(registry, { session: session.name, step: undefined }, context.signal);
  // Of the one that was asked for: it may be another by now.
  const scored = await score(registry, now, { activation }, context.signal);
  return {
    scores: [scoredMessage(activation, scored)],
    session: sessionMessage(session),
    step: BigInt(now.state.step),
  };
}

async function evaluateActivations(registry: Registry, request: SwapActivationRequest, context: Context) {
  const checks = new Checks();
  checks.session("session", request.session);
  const { length } = request.activations;
  if (length < 1 || length > 10) checks.fail("activations", "must be 1 to 10", length);
  const names = request.activations
    .slice(0, 10)
    .map((name, i) => checks.activation(`activations[${i}]`, name));
  if (new Set(names).size !== names.length)
    checks.fail("activations", "must all be different", request.activations);
  const expectedStep = checks.integer("expected_step", request.expectedStep, 0, maxStep);
  if (expectedStep !== undefined && request.snapshot !== "") {
    checks.fail("expected_step", "must be left out with snapshot", expectedStep);
  }
  const at = request.snapshot === "" ? undefined : checks.snapshot("snapshot", request.snapshot);
  if (at !== undefined && at.session !== "" && at.session !== request.session) {
    checks.fail("snapshot", `must be one of ${request.session}`, request.snapshot);
  }
  checks.throwIfAny();
  const network = await subject(
    registry,
    { session: request.session, step: at?.step },
    context.signal,
    expectedStep,
  );
  const scores = [];
  for (const activation of names) {
    scores.push(scoredMessage(activation, await score(registry, network, { activation }, context.signal)));
  }
  return {
    scores,
    session: sessionMessage(registry.get(request.session)),
    step: BigInt(network.state.step),
  };
}

function scoredMessage(activation: string, { scores, accuracy, loss }: Awaited<ReturnType<typeof score>>) {
  return { activation, scores: scoresMessage(scores), accuracy, ...defined({ loss }) };
}
