import fc from "fast-check";
import { expect, test } from "vitest";
import { Receipt } from "./receipt.ts";

const stored = (response: string | Uint8Array, method: string) =>
  Receipt.of({
    ...{ requestId: "r", fingerprint: "f", method, expireTimeMs: 1 },
    response: typeof response === "string" ? Buffer.from(response) : response,
  });

test("a call has its method, memo or answer after any number of restarts", () => {
  const event = fc.oneof(
    fc.constant("restart" as const),
    fc.record({ target: fc.nat() }),
    // Of an answer any bytes may come, those of a memo too.
    fc.record({ answer: fc.oneof(fc.uint8Array(), fc.constant(Buffer.from('{"target":7}'))) }),
    fc.constant("withdraw" as const),
  );
  fc.assert(
    fc.property(fc.array(event, { maxLength: 8 }), (events) => {
      let receipt = new Receipt("r", "f", "grokbox.v1.StepResponse");
      let memo = {};
      let answer: Uint8Array | undefined;
      for (const event of events) {
        if (event === "restart") {
          const row = receipt.row();
          if (row === undefined) return;
          receipt = Receipt.of(structuredClone(row));
          // Who has the answer needs no memo.
          if (answer !== undefined) memo = {};
        } else if (event === "withdraw") {
          receipt.withdraw();
          answer = undefined;
        } else if ("target" in event) {
          Object.assign(receipt.memo, event);
          memo = event;
        } else {
          receipt.respond(event.answer);
          answer = event.answer;
        }
        expect({ ...receipt, response: receipt.response && Array.from(receipt.response) }).toMatchObject({
          ...{ requestId: "r", fingerprint: "f", method: "grokbox.v1.StepResponse", memo },
          response: answer && Array.from(answer),
        });
      }
    }),
  );
});

test("a row of an earlier server, which wrote no method beside a memo, is a memo, or the answer that came of it", () => {
  expect(stored('{"target":7}', "memo")).toMatchObject({ memo: { target: 7 }, response: undefined });
  const answer = Uint8Array.of(10, 3, 97, 98, 99);
  expect(stored(answer, "memo")).toMatchObject({ memo: {}, response: answer });
  expect(stored(new Uint8Array(), "memo")).toMatchObject({ memo: {}, response: new Uint8Array() });
});
