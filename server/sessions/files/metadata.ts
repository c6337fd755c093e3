import type { Spec } from "../../model/spec.ts";
import { invalid } from "../errors.ts";
import type { Layout } from "./layout.ts";
import { quoted } from "./quoted.ts";
import { parseSpecJson } from "./spec-json.ts";

/** `format` and `version` in the metadata of the files that grokbox writes. */
export const formatName = "grokbox";
export const formatVersion = "1";

/** Half of the range in which steps are exact, so that there is something left to train. */
const maxStep = 2 ** 52;
const field = "file.__metadata__";

export interface Origin {
  /** Updates made. */
  readonly step: number;
  /** Of a file that grokbox wrote. */
  readonly spec?: Spec;
}

/**
 * What a file's metadata say of its state. Those of other programs are ignored, but for `step` beside moments. Ours must be
 * complete and fit the tensors. A step is that of the state only with moments, whose bias correction needs it (0 when
 * nothing is said), or with SGD, which has none; other states start at 0.
 *
 * @throws GrokboxError INVALID_FIELD
 */
export function parseOrigin(metadata: ReadonlyMap<string, string>, layout: Layout): Origin {
  if (metadata.get("format") !== formatName) {
    return { step: layout.hasMoments && metadata.has("step") ? parseStep(metadata) : 0 };
  }
  const version = metadata.get("version");
  if (version !== formatVersion) throw mustBe("version", formatVersion, version);
  const step = parseStep(metadata);
  const spec = parseSpec(metadata, layout);
  return { step: layout.hasMoments || spec.optimizer.kind === "sgd" ? step : 0, spec };
}

function parseStep(metadata: ReadonlyMap<string, string>): number {
  const text = metadata.get("step");
  if (text !== undefined && /^(0|[1-9][0-9]{0,15})$/.test(text) && Number(text) <= maxStep)
    return Number(text);
  throw mustBe("step", "a decimal integer, 0 to 2^52", text);
}

function parseSpec(
  metadata: ReadonlyMap<string, string>,
  { modulus, width, dimension, hasAverages }: Layout,
): Spec {
  const text = metadata.get("spec");
  if (text === undefined) throw mustBe("spec", "the spec as JSON", text);
  const spec = parseSpecJson(text, `${field}.spec`);
  if (spec.modulus !== modulus) throw mustBe("spec.modulus", `theta's p = ${modulus}`, String(spec.modulus));
  if (spec.width !== width) throw mustBe("spec.width", `theta's M = ${width}`, String(spec.width));
  const { embedding, optimizer } = spec;
  if (embedding?.dimension !== dimension) {
    const what =
      dimension === undefined ? "left out: there is no array embedding" : `embedding's d = ${dimension}`;
    throw mustBe("spec.embedding.dimension", what, embedding && String(embedding.dimension));
  }
  if (hasAverages && optimizer.grokfast === undefined)
    throw mustBe("spec.optimizer.grokfast", "given beside averages", undefined);
  return spec;
}

function mustBe(name: string, what: string, got: string | undefined) {
  const shown = got === undefined ? "nothing" : quoted(got);
  return invalid([{ field: `${field}.${name}`, description: `must be ${what}; got ${shown}` }]);
}
