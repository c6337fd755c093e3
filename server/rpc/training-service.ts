import {
  PauseRequestSchema,
  RunRequestSchema,
  StepRequestSchema,
  type SwapActivationRequest,
  SwapActivationRequestSchema,
  type TrainingService,
} from "@grokbox/proto/training";
import type { Logger } from "pino";
import { score, subject } from "../sessions/analysis.ts";
import type { Registry } from "../sessions/registry.ts";
import { watch } from "../sessions/watch.ts";
import type { Context } from "./call.ts";
import { Checks } from "./checks.ts";
import { once } from "./idempotency.ts";
import { checkMeasures, parsePlan } from "./plan-message.ts";
import { defined, pointMessage, scoresMessage, watchMessage } from "./progress-message.ts";
import type { Handlers } from "./service.ts";
import { sessionMessage } from "./session-message.ts";

const maxStep = Number.MAX_SAFE_INTEGER;
const maxSteps = 100_000_000;

export function trainingService(registry: Registry, logger: Logger): Handlers<typeof TrainingService> {
  return {
    step: (request, context) =>
      once(registry, StepRequestSchema, request, context, async (memo) => {
        const checks = new Checks();
        checks.requestId(request.requestId);
        checks.session("session", request.session);
        const steps = checks.integer("steps", request.steps, 1, maxSteps, 1);
        const expectedStep = checks.integer("expected_step", request.expectedStep, 0, maxStep);
        checks.throwIfAny();
        registry.checkOpen();
        const session = registry.get(request.session);
        const point = await session.advanceBy({ steps, expectedStep, memo }, context.signal);
        return { point: pointMessage(point), session: sessionMessage(session) };
      }),

    run: (request, context) =>
      once(registry, RunRequestSchema, request, context, async () => {
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
        const defect = (err: unknown) =>
          logger.error({ session: session.name, err }, "run ended by a defect");
        const newest = await session.run(plan, expectedStep, defect, context.signal);
        return { session: sessionMessage(session), newestSequence: BigInt(newest) };
      }),

    pause: (request, context) =>
      once(registry, PauseRequestSchema, request, context, async () => {
        const checks = new Checks();
        checks.requestId(request.requestId);
        checks.session("session", request.session);
        checks.throwIfAny();
        const session = registry.get(request.session);
        await session.pause();
        return { session: sessionMessage(session) };
      }),

    swapActivation: (request, context) =>
      request.evaluateOnly
        ? evaluateActivations(registry, request, context)
        : once(registry, SwapActivationRequestSchema, request, context, () =>
            swap(registry, request, context),
          ),

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

async function swap(registry: Registry, request: SwapActivationRequest, context: Context) {
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
  await session.swapActivation(activation, expectedStep, context.signal);
  const now = await subject(registry, { session: session.name, step: undefined }, context.signal);
  const scored = await score(registry, now, {}, context.signal);
  return {
    scores: [scoredMessage(now.spec.activation, scored)],
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
