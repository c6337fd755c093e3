import { type DescField, type DescMessage, type MessageShape, ScalarType } from "@bufbuild/protobuf";
import { invalidField, show } from "./error.ts";

/**
 * Throws INVALID_FIELD for the first value of a message that its field can't hold, in the server's words for those that it can. Also for
 * a value of another type: protobuf would send "2" as 2, and "false" as true.
 */
export function checkFields<D extends DescMessage>(message: D, value: MessageShape<D>): void {
  const flaw = flawOf(message, value);
  if (flaw !== undefined) throw invalidField(flaw.path, `must be ${flaw.must}`, show(flaw.got));
}

interface Flaw {
  /** From the message, in the names of the protos. */
  readonly path: string;
  readonly must: string;
  readonly got: unknown;
}

/** The path is made for a flaw alone: a request may have 40,000 numbers. */
function flawOf(message: DescMessage, value: object): Flaw | undefined {
  for (const field of message.fields) {
    const flaw = flawOfField(field, valueIn(field, value));
    if (flaw !== undefined) return { ...flaw, path: `${field.name}${flaw.path}` };
  }
  return undefined;
}

/** Undefined for one that is not set. */
function valueIn(field: DescField, message: object): unknown {
  const values = message as Readonly<Record<string, unknown>>;
  if (field.oneof === undefined) return values[field.localName];
  const chosen = values[field.oneof.localName] as { readonly case?: string; readonly value?: unknown };
  return chosen.case === field.localName ? chosen.value : undefined;
}

function flawOfField(field: DescField, value: unknown): Flaw | undefined {
  if (field.fieldKind === "list") {
    if (!Array.isArray(value)) return { path: "", must: "a list", got: value };
    for (let i = 0; i < value.length; i++) {
      const flaw = flawOfValue(field, value[i]);
      if (flaw !== undefined) return { ...flaw, path: `[${i}]${flaw.path}` };
    }
    return undefined;
  }
  if (field.fieldKind === "map") {
    for (const [key, item] of Object.entries(value as object)) {
      const flaw = flawOfValue(field, item);
      if (flaw !== undefined) return { ...flaw, path: `[${show(key)}]${flaw.path}` };
    }
    return undefined;
  }
  return value === undefined ? undefined : flawOfValue(field, value);
}

/** Of one value, also of a list or a map. */
function flawOfValue({ message, scalar }: DescField, value: unknown): Flaw | undefined {
  if (message !== undefined) {
    const flaw = flawOf(message, value as object);
    return flaw && { ...flaw, path: `.${flaw.path}` };
  }
  const must = scalar === undefined ? undefined : mustBe(scalar, value);
  return must === undefined ? undefined : { path: "", must, got: value };
}

/** Undefined for a value that such a field can hold; of the types that requests have. Enums and bytes are made here. */
function mustBe(type: ScalarType, value: unknown): string | undefined {
  switch (type) {
    case ScalarType.UINT32:
      return isUint32(value) ? undefined : "an integer, 0 to 4294967295";
    case ScalarType.UINT64:
      return isUint64(value) ? undefined : "an integer, 0 to 2^64 - 1";
    case ScalarType.DOUBLE:
      return typeof value === "number" ? undefined : "a number";
    case ScalarType.BOOL:
      return typeof value === "boolean" ? undefined : "true or false";
    case ScalarType.STRING:
      return typeof value === "string" ? undefined : "a text";
    default:
      return undefined;
  }
}

function isUint32(value: unknown): boolean {
  return typeof value === "number" && value >>> 0 === value;
}

function isUint64(value: unknown): boolean {
  return typeof value === "bigint" && BigInt.asUintN(64, value) === value;
}
