import { AnalysisService, type SpectrumRequest } from "@grokbox/proto/analysis";
import { type ListSessionsRequest, SessionService, SessionState } from "@grokbox/proto/session";
import { DataType } from "@grokbox/proto/tensor";
import { type SwapActivationRequest, TrainingService } from "@grokbox/proto/training";
import { expect, test } from "vitest";
import { connect, info, point, session } from "./testing/messages.ts";
import { on, serve } from "./testing/scripted-server.ts";

/** p = 199, M = 5,000: 99 frequencies, so 2,475 neurons an answer. */
const wide = session({
  spec: { ...session().spec, modulus: 199, width: 5_000 } as never,
});
const found = on(SessionService.method.getSession, () => ({ session: wide }));

/** Coefficient k of neuron m is 1000 m + k. */
function spectrumScript(requests: SpectrumRequest[], step: (call: number) => bigint = () => 7n) {
  return on(AnalysisService.method.spectrum, (request) => {
    requests.push(request);
    const { neurons, firstNeuron } = request;
    const neuronCount = neurons.length > 0 ? neurons.length : (request.neuronCount ?? 0);
    const neuron = (row: number) => neurons[row] ?? firstNeuron + row;
    const floats = (columns: number) => {
      const numbers = Float32Array.from(
        { length: neuronCount * columns },
        (_, i) => 1_000 * neuron(Math.floor(i / columns)) + (i % columns),
      );
      const shape = columns === 1 ? [neuronCount] : [neuronCount, columns];
      return { dtype: DataType.FLOAT32, shape, data: new Uint8Array(numbers.buffer) };
    };
    const dominant = Uint32Array.from({ length: neuronCount }, (_, i) => neuron(i));
    return {
      step: step(requests.length),
      firstNeuron,
      thetaMagnitude: floats(99),
      thetaPhase: floats(99),
      xiMagnitude: floats(99),
      xiPhase: floats(99),
      thetaMean: floats(1),
      xiMean: floats(1),
      dominantFrequency: {
        dtype: DataType.UINT32,
        shape: [neuronCount],
        data: new Uint8Array(dominant.buffer),
      },
      misalignment: floats(1),
      neuronsPerFrequency: [3, 2],
      iprTheta: 0.5,
      layerAgreement: 1,
      alpha: { mean: 1, spread: 0 },
      beta: { mean: 2, spread: 0 },
      thetaCosineFit: floats(1),
      xiCosineFit: floats(1),
      thetaMeasures: { cosineFit: 0.5 },
      xiMeasures: { harmonicLeakage: [{ order: 2, medianRatio: 0.25 }, { order: 3 }] },
      groups: [{ frequency: 1, neurons: 0 }],
      neurons,
    };
  });
}

test("a spectrum that needs several answers comes as one, in typed arrays with their shapes", async () => {
  const requests: SpectrumRequest[] = [];
  await using server = await serve(info, found, spectrumScript(requests));
  await using box = await connect(server.address);
  const spectrum = await (await box.session("sessions/a")).spectrum({ at: 2_200 });
  expect(requests.map(({ name, firstNeuron, neuronCount }) => [name, firstNeuron, neuronCount])).toEqual([
    ["sessions/a/snapshots/2200", 0, 2_475],
    ["sessions/a/snapshots/2200", 2_475, 2_475],
    ["sessions/a/snapshots/2200", 4_950, 50],
  ]);
  const { magnitude } = spectrum.theta;
  expect(magnitude.shape).toEqual([5_000, 99]);
  expect(magnitude.data).toBeInstanceOf(Float32Array);
  expect(magnitude.data).toHaveLength(5_000 * 99);
  expect(magnitude.data[4_999 * 99 + 98]).toBe(Math.fround(4_999_098));
  expect(spectrum.dominantFrequency.data).toBeInstanceOf(Uint32Array);
  expect(spectrum.dominantFrequency).toMatchObject({ shape: [5_000] });
  expect(spectrum.dominantFrequency.data[4_999]).toBe(4_999);
  expect(spectrum.ipr).toEqual({ theta: 0.5 });
});

test("a few neurons can be asked for", async () => {
  const requests: SpectrumRequest[] = [];
  await using server = await serve(info, found, spectrumScript(requests));
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  const spectrum = await handle.spectrum({ neurons: { first: 10, count: 3 } });
  expect(spectrum.theta.magnitude.shape).toEqual([3, 99]);
  expect(spectrum.neurons).toEqual([10, 11, 12]);
  expect(requests[0]).toMatchObject({ name: "sessions/a", firstNeuron: 10, neuronCount: 3 });
});

test("pages of different steps are not made one spectrum", async () => {
  const moving = spectrumScript([], (call) => BigInt(call));
  await using server = await serve(info, found, moving);
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  await expect(handle.spectrum()).rejects.toMatchObject({
    code: "ABORTED",
    message: expect.stringMatching(/step 1 to 2.*snapshot/),
  });
});

test("a step above 2^53 - 1 is an error, not a wrong number", async () => {
  const script = on(TrainingService.method.step, () => ({
    point: { ...point(1), step: 2n ** 53n } as never,
    session: session(),
  }));
  await using server = await serve(info, found, script);
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  await expect(handle.step()).rejects.toMatchObject({ reason: "OUT_OF_RANGE" });
});

test.each([1.5, -1, 2 ** 53, Number.NaN])("%d steps are refused before anything is sent", async (steps) => {
  await using server = await serve(info, found);
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  await expect(handle.step(steps)).rejects.toMatchObject({
    reason: "INVALID_FIELD",
    violations: [{ field: "steps" }],
  });
});

test("evaluating activations changes nothing, so it has no request_id; swapping has one", async () => {
  const requests: SwapActivationRequest[] = [];
  const script = on(TrainingService.method.swapActivation, (request) => {
    requests.push(request);
    return {
      session: session(),
      scores: request.activations.map((activation) => ({
        activation,
        scores: { trainLoss: 1, accuracy: {} },
        accuracy: 0.25,
      })),
    };
  });
  await using server = await serve(info, found, script);
  await using box = await connect(server.address);
  const handle = await box.session("sessions/a");
  const table = await handle.swapActivation(["abs", "exp"], { evaluateOnly: true, at: 5 });
  expect(table).toEqual([
    { activation: "abs", accuracy: 0.25, scores: { trainLoss: 1, accuracy: {} } },
    { activation: "exp", accuracy: 0.25, scores: { trainLoss: 1, accuracy: {} } },
  ]);
  expect(requests[0]).toMatchObject({ requestId: "", snapshot: "sessions/a/snapshots/5" });
  await handle.swapActivation("x^2");
  expect(requests[1]).toMatchObject({ activations: ["x^2"], evaluateOnly: false, snapshot: "" });
  expect(requests[1]!.requestId).toMatch(/^[0-9a-f-]{36}$/);
});

test("sessions are listed over as many pages as there are", async () => {
  const requests: ListSessionsRequest[] = [];
  const script = on(SessionService.method.listSessions, (request) => {
    const page = requests.push(request);
    return {
      sessions: [session({ name: `sessions/${page}a` }), session({ name: `sessions/${page}b` })],
      nextPageToken: page < 3 ? `page ${page + 1}` : "",
    };
  });
  await using server = await serve(info, script);
  await using box = await connect(server.address);
  const names = [];
  for await (const { name } of box.sessions({ state: "idle", labels: { by: "me" } })) names.push(name);
  expect(names).toEqual(["1a", "1b", "2a", "2b", "3a", "3b"].map((id) => `sessions/${id}`));
  expect(requests.map(({ pageToken }) => pageToken)).toEqual(["", "page 2", "page 3"]);
  for (const { states, labels } of requests) {
    expect({ states, labels }).toEqual({ states: [SessionState.IDLE], labels: { by: "me" } });
  }
});
