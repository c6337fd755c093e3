import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  CancelSweepRequestSchema,
  CancelSweepResponseSchema,
  DeleteSweepRequestSchema,
  DeleteSweepResponseSchema,
  ListSweepsResponseSchema,
  PauseSweepRequestSchema,
  PauseSweepResponseSchema,
  ResumeSweepRequestSchema,
  ResumeSweepResponseSchema,
  type StartSweepRequest,
  StartSweepRequestSchema,
  StartSweepResponseSchema,
  SweepDefinitionSchema,
  type SweepService,
} from "@grokbox/proto/sweep";
import { Checks } from "../messages/checks.ts";
import { Encoded } from "../messages/encoded.ts";
import {
  bandsMessage,
  inDefinition,
  runMessage,
  sweepEventMessage,
  sweepMessage,
} from "../messages/sweep.ts";
import { invalidCells } from "../messages/sweep-cells.ts";
import { definitionMessage, parseDefinition } from "../messages/sweep-definition.ts";
import { groupCount } from "../model/sweep-grid.ts";
import { GrokboxError } from "../sessions/errors.ts";
import { toGrokboxError } from "../sessions/keeper.ts";
import type { Receipt } from "../sessions/receipt.ts";
import type { Registry } from "../sessions/registry.ts";
import type { AnswerOf, Sweep, SweepRecord } from "../sessions/sweeps/sweep.ts";
import { groupBands } from "../sessions/sweeps/sweep-bands.ts";
import type { Sweeps } from "../sessions/sweeps/sweeps.ts";
import { watchSweep } from "../sessions/sweeps/watch.ts";
import { checkEngine } from "./engine-choice.ts";
import { once } from "./idempotency.ts";
import type { Handlers } from "./service.ts";
import { pageToken, readPageToken } from "./session-service.ts";

const maxPageBytes = 3 * 2 ** 20;
/** So that it fits into an answer, with what else that has. */
const maxDefinitionBytes = 3 * 2 ** 20;
const maxSequence = Number.MAX_SAFE_INTEGER;

export function sweepService(sweeps: Sweeps): Handlers<typeof SweepService> {
  const { registry } = sweeps;
  return {
    startSweep: (request, context) =>
      once(
        registry,
        StartSweepRequestSchema,
        StartSweepResponseSchema,
        request,
        context,
        async ({ receipt, answer }) => {
          const { definition, invalid } = await parseStart(sweeps, request);
          const answerOf = (started: Sweep) => {
            answer({ sweep: sweepMessage(started, { withDefinition: true }) });
            return receipt.row();
          };
          await sweeps.start(definition, answerOf, invalid);
        },
      ),

    getSweep: async ({ name }) => ({ sweep: sweepMessage(named(sweeps, name), { withDefinition: true }) }),

    listSweeps: async (request) => {
      const checks = new Checks();
      const pageSize = checks.integer("page_size", request.pageSize, 0, 1_000, 0) || 100;
      const before =
        request.pageToken === "" ? Number.POSITIVE_INFINITY : readPageToken(checks, request.pageToken);
      checks.throwIfAny();
      const encode = (part: MessageInitShape<typeof ListSweepsResponseSchema>) =>
        toBinary(ListSweepsResponseSchema, create(ListSweepsResponseSchema, part));
      const page: Uint8Array[] = [];
      let bytes = 0;
      let last = 0;
      for (const sweep of sweeps.list(before)) {
        const part = encode({ sweeps: [sweepMessage(sweep)] });
        bytes += part.length;
        if (page.length === pageSize || (page.length > 0 && bytes > maxPageBytes)) {
          page.push(encode({ nextPageToken: pageToken(last) }));
          break;
        }
        page.push(part);
        last = sweep.identity.ordinal;
      }
      return new Encoded(Buffer.concat(page));
    },

    listSweepRuns: async (request) => {
      const checks = new Checks();
      checks.sweep("name", request.name);
      const from = checks.integer("from_sequence", request.fromSequence, 0, maxSequence, 0);
      const size = checks.integer("page_size", request.pageSize, 0, 1_000, 0) || 100;
      checks.throwIfAny();
      const sweep = sweeps.get(request.name);
      const { newest } = sweep.ledger;
      const { rows, last, hasMore } = await registry.store.readSweepRuns(sweep.id, from, size);
      return {
        runs: rows.map((row) => runMessage(sweep, row)),
        nextSequence: BigInt(hasMore && last < newest ? last + 1 : 0),
      };
    },

    async *watchSweep(request, context) {
      const checks = new Checks();
      checks.sweep("name", request.name);
      const from = checks.integer("from_sequence", request.fromSequence, 0, maxSequence, 0);
      checks.throwIfAny();
      const sweep = sweeps.get(request.name);
      for await (const event of watchSweep(sweeps, sweep, Math.max(1, from), context.signal)) {
        yield sweepEventMessage(sweep, event);
      }
    },

    getSweepBands: async (request, { signal }) => {
      const checks = new Checks();
      checks.sweep("name", request.name);
      const size = checks.integer("page_size", request.pageSize, 0, 50, 0) || 20;
      checks.throwIfAny();
      const sweep = sweeps.get(request.name);
      const { firstGroup } = request;
      const all = groupCount(sweep.definition.cells);
      if (firstGroup >= all) checks.fail("first_group", `must be below ${all}, the groups`, firstGroup);
      checks.throwIfAny();
      const end = Math.min(firstGroup + size, all);
      const groups = [];
      for (let group = firstGroup; group < end; group++) {
        groups.push(bandsMessage(sweep, group, await groupBands(sweeps, sweep, group, signal)));
      }
      return { groups, nextGroup: end < all ? end : 0 };
    },

    pauseSweep: (request, context) =>
      once(registry, PauseSweepRequestSchema, PauseSweepResponseSchema, request, context, async (call) => {
        const sweep = changed(sweeps, request);
        await sweep.pause(telling(sweep, call), () => tellAtRest(registry, sweep, call));
      }),

    resumeSweep: (request, context) =>
      once(registry, ResumeSweepRequestSchema, ResumeSweepResponseSchema, request, context, async (call) => {
        const sweep = changed(sweeps, request);
        await sweep.resume(telling(sweep, call));
      }),

    cancelSweep: (request, context) =>
      once(registry, CancelSweepRequestSchema, CancelSweepResponseSchema, request, context, async (call) => {
        const sweep = changed(sweeps, request);
        await sweep.cancel(telling(sweep, call), () => tellAtRest(registry, sweep, call));
      }),

    deleteSweep: (request, context) =>
      once(
        registry,
        DeleteSweepRequestSchema,
        DeleteSweepResponseSchema,
        request,
        context,
        async ({ receipt, answer }) => {
          const { name } = changed(sweeps, request);
          await sweeps.delete(name, () => {
            answer({});
            return receipt.row();
          });
        },
      ),
  };
}

function named(sweeps: Sweeps, name: string) {
  const checks = new Checks();
  checks.sweep("name", name);
  checks.throwIfAny();
  return sweeps.get(name);
}

/** The sweep of a request that changes it. */
function changed(sweeps: Sweeps, { requestId, name }: { requestId: string; name: string }) {
  const checks = new Checks();
  checks.requestId(requestId);
  checks.sweep("name", name);
  checks.throwIfAny();
  sweeps.registry.checkOpen();
  return sweeps.get(name);
}

/** A call that is answered with a sweep. */
interface SweepCall {
  readonly receipt: Receipt;
  answer(response: { readonly sweep: ReturnType<typeof sweepMessage> }): void;
}

/** Answers with the sweep as a change is about to leave it. */
function telling(sweep: Sweep, { receipt, answer }: SweepCall): AnswerOf {
  return (state) => {
    answer({ sweep: sweepMessage(sweep, { state }) });
    return receipt.row();
  };
}

/** Answers with the sweep as it is at rest, in place of the answer that was stored with the change, unless that must stay the stored one. */
async function tellAtRest({ store }: Registry, sweep: Sweep, { receipt, answer }: SweepCall): Promise<void> {
  const told = receipt.response!;
  answer({ sweep: sweepMessage(sweep) });
  const row = receipt.row();
  if (row === undefined) return;
  await store.commit({ putAnswers: [row] }).catch((error) => {
    receipt.respond(told);
    // A full disk is no reason to fail: the sweep is at rest.
    if (!(toGrokboxError(error) instanceof GrokboxError)) throw error;
  });
}

async function parseStart(sweeps: Sweeps, request: StartSweepRequest): Promise<SweepRecord> {
  const { registry } = sweeps;
  const checks = new Checks();
  checks.requestId(request.requestId);
  const message = request.definition;
  if (message === undefined) checks.fail("definition", "must be given");
  checks.throwIfAny();
  const definition = checks.part(inDefinition, (part) => {
    checkEngine(part, registry, message!.engine);
    return parseDefinition(part, message!, { ...registry.limits, ...sweeps.limits });
  });
  checks.throwIfAny();
  const bytes = toBinary(
    SweepDefinitionSchema,
    create(SweepDefinitionSchema, definitionMessage(definition)),
  ).length;
  if (bytes > maxDefinitionBytes)
    checks.fail("definition", `must be at most ${maxDefinitionBytes} bytes when it is complete`, bytes);
  checks.throwIfAny();
  const invalid = await invalidCells(definition);
  // With no cell that is any, it is one mistake.
  if (definition.refuseInvalid || invalid.groups === groupCount(definition.cells))
    checks.part(inDefinition, (part) => part.add(invalid.values));
  checks.throwIfAny();
  return { definition, invalid };
}
