import { create } from "@bufbuild/protobuf";
import { Measure } from "@grokbox/proto/run";
import { SessionSchema, SessionService, type UpdateSessionRequest } from "@grokbox/proto/session";
import { TrainingService } from "@grokbox/proto/training";
import { expect, test } from "vitest";
import { fromMeasureSchedule, toMeasureSchedule } from "./measure-schedule.ts";
import { fromSession } from "./session-info.ts";
import { connect, info, point, session } from "./testing/messages.ts";
import { on, serve } from "./testing/scripted-server.ts";

test("measures go out by name, with their steps or without", () => {
  expect(toMeasureSchedule(undefined)).toBeUndefined();
  expect(toMeasureSchedule([])).toEqual({ measures: [] });
  expect(toMeasureSchedule(["votingRSquared", { measure: "magnitudeDrift", every: 500 }])).toEqual({
    measures: [
      { measure: Measure.VOTING_R_SQUARED, every: undefined },
      { measure: Measure.MAGNITUDE_DRIFT, every: 500 },
    ],
  });
  expect(toMeasureSchedule(["ipr", { measure: "meanAbsSinMisalignment", every: 10 }])).toEqual({
    measures: [
      { measure: Measure.IPR, every: undefined },
      { measure: Measure.MEAN_ABS_SIN_MISALIGNMENT, every: 10 },
    ],
  });
});

test("one that can't be scheduled can't be sent, and the error names it", () => {
  const send = () => toMeasureSchedule(["iprXi", { measure: "trainLoss" as never }]);
  expect(send).toThrow(
    /measure_schedule\.measures\[1\]\.measure.*one of ipr, meanAbsSinMisalignment, iprTheta/,
  );
});

test("a session's measures come back, but for those that are newer than this SDK", () => {
  const measures = [
    { measure: Measure.IPR_XI, every: 50 },
    { measure: Measure.IPR, every: 10 },
    { measure: 99 as Measure, every: 1 },
  ];
  const read = fromSession(create(SessionSchema, session({ measureSchedule: { measures } })));
  expect(read.measures).toEqual([
    { measure: "iprXi", every: 50 },
    { measure: "ipr", every: 10 },
  ]);
  expect(fromMeasureSchedule(undefined)).toEqual([]);
});

test("an update replaces all measures or leaves them, and a point has what it carries", async () => {
  const requests: UpdateSessionRequest[] = [];
  const found = on(SessionService.method.getSession, () => ({ session: session() }));
  const update = on(SessionService.method.updateSession, (request) => {
    requests.push(request);
    return { session: session() };
  });
  let step = 0;
  const stepped = on(TrainingService.method.step, () => {
    const values = step++ === 0 ? { extra: { magnitudeDrift: 0, votingRSquared: 0.5 } } : {};
    return { session: session(), point: point(1, values) };
  });
  await using server = await serve(info, found, update, stepped);
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  await handle.update({ measures: [] });
  await handle.update({ setLabels: { a: "b" } });
  expect(requests[0]!.measureSchedule).toMatchObject({ measures: [] });
  expect(requests[1]!.measureSchedule).toBeUndefined();
  expect((await handle.step()).extra).toEqual({ magnitudeDrift: 0, votingRSquared: 0.5 });
  expect(await handle.step()).not.toHaveProperty("extra");
});
