import { expect, test } from "vitest";
import { Lane } from "./lane.ts";

const never = new AbortController().signal;

test("a lane lets one in at a time, in order", async () => {
  const lane = new Lane("sessions/a", 100);
  const order: number[] = [];
  await Promise.all(
    [0, 1, 2, 3].map((i) =>
      lane.run(never, async () => {
        order.push(i);
        await Promise.resolve();
        expect(order.at(-1)).toBe(i);
      }),
    ),
  );
  expect(order).toEqual([0, 1, 2, 3]);
});

test("one more than may wait is refused with QUEUE_FULL, and a place that was given up can be taken", async () => {
  const lane = new Lane("sessions/a", 1);
  const gate = Promise.withResolvers<void>();
  const holder = lane.run(never, () => gate.promise);
  const controller = new AbortController();
  const waiter = lane.run(controller.signal, async () => expect.unreachable());
  await expect(lane.run(never, async () => {})).rejects.toMatchObject({ reason: "QUEUE_FULL" });
  controller.abort();
  await expect(waiter).rejects.toMatchObject({ reason: "CANCELLED" });
  const next = lane.run(never, async () => "in");
  gate.resolve();
  await holder;
  expect(await next).toBe("in");
});

test("closing fails who waits and who comes, and lets the holder finish", async () => {
  const lane = new Lane("sessions/a", 10);
  const gate = Promise.withResolvers<void>();
  const holder = lane.run(never, () => gate.promise);
  const waiter = lane.run(never, async () => expect.unreachable());
  lane.close(new Error("closed"));
  await expect(waiter).rejects.toThrow("closed");
  await expect(lane.run(never, async () => {})).rejects.toThrow("closed");
  gate.resolve();
  await holder;
});
