import { AnalysisService } from "@grokbox/proto/analysis";
import type { Connection } from "./connection.ts";
import type { CallOptions } from "./deadline.ts";
import { type Known, refuseUnknown } from "./known-keys.ts";
import type { Spec } from "./spec.ts";
import { mergeSpectrum, type NeuronRange, type Spectrum } from "./spectrum.ts";
import { toUint64 } from "./uint64.ts";

/** What fits into one answer: a neuron counts as its K coefficients and two. */
const pageNumbers = 250_000;
const pageNeurons = 65_536;

const rangeKeys: Known<NeuronRange> = { first: true, count: true };

/**
 * Reads a spectrum in as many answers as its neurons need.
 *
 * @param name - a session for its present state, or a snapshot
 * @throws ABORTED when a session trained on between two answers
 */
export async function readSpectrum(
  connection: Connection,
  name: string,
  { modulus, width }: Spec,
  options: CallOptions & { readonly neurons?: NeuronRange | readonly number[] | undefined },
): Promise<Spectrum> {
  const { neurons = {} } = options;
  const part = { signal: options.signal, deadline: connection.deadline(options) };
  const most = Math.floor(pageNumbers / ((modulus - 1) / 2 + 2));
  const pages = [];
  const method = AnalysisService.method.spectrum;
  if (isList(neurons)) {
    const page = Math.min(most, pageNeurons);
    for (let read = 0; read === 0 || read < neurons.length; read += page) {
      const chosen = neurons.slice(read, read + page);
      const request = { name, ...(chosen.length === 0 ? { neuronCount: 0 } : { neurons: chosen }) };
      pages.push(await connection.read(method, request, part));
    }
    return mergeSpectrum(pages);
  }
  refuseUnknown(neurons, rangeKeys, "neurons");
  const first = Number(toUint64(neurons.first ?? 0, "first_neuron"));
  const count = Number(toUint64(neurons.count ?? Math.max(0, width - first), "neuron_count"));
  let read = 0;
  do {
    const request = { name, firstNeuron: first + read, neuronCount: Math.min(most, count - read) };
    pages.push(await connection.read(method, request, part));
    read += most;
  } while (read < count);
  return mergeSpectrum(pages);
}

function isList(neurons: NeuronRange | readonly number[]): neurons is readonly number[] {
  return Array.isArray(neurons);
}
