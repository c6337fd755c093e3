import { existsSync, openAsBlob, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Grokbox } from "../sdk/src/mod.ts";
import type { RunningServer } from "../server/server.ts";
import { startTestServer } from "./testing/server.ts";

const reference = join(import.meta.dirname, "../../shared/reference");
let server: RunningServer;
let box: Grokbox;

beforeAll(async () => {
  server = await startTestServer();
  box = await Grokbox.connect(server.address);
});

afterAll(async () => {
  await box[Symbol.asyncDispose]();
  await server.close();
});

const published = (name: string) => join(reference, name);
const missing = !existsSync(reference);

test.skipIf(missing)(
  "from the published weights of step 0 the whole loss curve is the published one, to 1e-5",
  async () => {
    const { data } = JSON.parse(readFileSync(published("quad_single_freq/curve.json"), "utf8")) as {
      data: [step: number, trainLoss: number, testLoss: number][];
    };
    await using session = await box.start({
      preset: "quad_single_freq",
      weights: { safetensors: await openAsBlob(published("quad_single_freq/step-0.safetensors")) },
    });
    const steps = data.map(([step]) => step).filter((step) => step > 0);
    const losses = new Map<number, number>();
    const run = session.run({ untilStep: Math.max(...steps), recordAt: steps });
    for await (const point of run) losses.set(point.step, point.trainLoss);
    losses.set(
      0,
      (await box.start({ preset: "quad_single_freq" }).then((fresh) => fresh.evaluate())).scores.trainLoss!,
    );
    const off = data.filter(([step, loss]) => !(Math.abs(losses.get(step)! / loss - 1) < 1e-5));
    expect(off).toEqual([]);
    expect(data.length).toBeGreaterThan(100);
  },
);

test.skipIf(missing)(
  "the published final weights give the activation table exactly, and REFERENCE's numbers",
  async () => {
    await using session = await box.start({
      preset: "standard",
      weights: { safetensors: await openAsBlob(published("standard/step-final.safetensors")) },
    });
    const table = await session.swapActivation(
      ["relu", "abs", "x^2", "x^4", "x^8", "softplus2", "exp", "identity", "x^3"],
      { evaluateOnly: true },
    );
    const right = Object.fromEntries(
      table.map(({ activation, accuracy }) => [activation, Math.round(529 * accuracy)]),
    );
    expect(right).toMatchObject({
      relu: 529,
      abs: 529,
      "x^2": 529,
      "x^4": 529,
      softplus2: 529,
      exp: 529,
      identity: 22,
      "x^3": 19,
    });
    const loss = Object.fromEntries(table.map(({ activation, loss }) => [activation, loss!]));
    expect(loss["x^4"]!.toPrecision(2)).toBe("0.000031");
    expect(loss["x^8"]!.toFixed(4)).toBe("0.0512");
    expect(loss.softplus2!.toFixed(6)).toBe("0.001288");
    expect(loss.exp!.toFixed(6)).toBe("0.000654");
    expect(loss.identity!.toFixed(4)).toBe("4.2467");
    expect(loss["x^3"]!.toFixed(4)).toBe("3.8913");
    const spectrum = await session.spectrum();
    expect(spectrum.ipr.theta!.toFixed(4)).toBe("0.6912");
    expect(spectrum.ipr.xi!.toFixed(4)).toBe("0.7505");
    expect(spectrum.meanAbsSinMisalignment!.toFixed(4)).toBe("0.0846");
    expect(spectrum.maxAbsMisalignment!.toFixed(3)).toBe("0.498");
    expect((100 * spectrum.layerAgreement).toFixed(1)).toBe("98.8");
    expect([...spectrum.neuronsPerFrequency]).toEqual([43, 42, 54, 43, 35, 59, 55, 41, 46, 53, 41]);
    expect(spectrum.alpha!.mean.toFixed(4)).toBe("0.4527");
    expect(spectrum.beta!.mean.toFixed(4)).toBe("0.5056");
    expect([spectrum.alpha!.spread, spectrum.beta!.spread].map((spread) => spread.toFixed(4))).toEqual([
      "0.0565",
      "0.0575",
    ]);
    expect(spectrum.theta.meanCosineFit!.toFixed(3)).toBe("0.812");
    expect(spectrum.xi.meanCosineFit!.toFixed(3)).toBe("0.850");
    const concentration = [0, 1, 2, 3].map((n) => {
      const groups = spectrum.groups.map(({ phaseConcentration }) => phaseConcentration[n]!);
      return (groups.reduce((sum, value) => sum + value, 0) / groups.length).toFixed(3);
    });
    expect(concentration).toEqual(["0.102", "0.105", "0.037", "0.062"]);
    const { voting, projected } = await session.logits({ activation: "x^2", pairs: [] });
    const levels = [voting!.correct, voting!.spurious, voting!.background!];
    expect(levels.map((level) => level.toFixed(1))).toEqual(["29.1", "6.2", "-0.6"]);
    expect([voting!.spuriousRatio!.toFixed(3), projected!.spuriousRatio!.toFixed(3)]).toEqual([
      "0.227",
      "0.500",
    ]);
  },
);
