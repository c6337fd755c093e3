import { create, type DescField, type DescMessage, type Message, ScalarType } from "@bufbuild/protobuf";
import fc from "fast-check";

/** Strings worth trying in any string field, besides random ones. */
export type StringPool = () => readonly string[];

const doubles = fc.oneof(
  fc.double(),
  fc.constantFrom(
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    -0,
    1e-320,
    1e308,
    -1,
    0.5,
    1,
    2,
  ),
);
const integers = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, 5, 7, 8, 16, 22, 23, 199, 65_536, 2 ** 32 - 1),
  fc.nat(2 ** 32 - 1),
);
const longs = fc.oneof(
  fc.constantFrom(0n, 1n, 2n, 10n, 100n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
);

/**
 * Messages of any type, made from its descriptor, so that a new field is covered by itself: every field is left out, ordinary, or at
 * and beyond the edge of what can be meant.
 */
export function arbitraryMessage(desc: DescMessage, pool: StringPool): fc.Arbitrary<Message> {
  const entries = desc.members.map((member): [string, fc.Arbitrary<unknown>] => [
    member.localName,
    member.kind === "oneof"
      ? fc.option(fc.oneof(...member.fields.map((field) => choice(field, pool))), { nil: undefined })
      : fc.option(value(member, pool), { nil: undefined }),
  ]);
  return fc
    .record(Object.fromEntries(entries))
    .map((record) =>
      create(desc, Object.fromEntries(Object.entries(record).filter(([, v]) => v !== undefined))),
    );
}

function choice(field: DescField, pool: StringPool): fc.Arbitrary<unknown> {
  return value(field, pool).map((chosen) => ({ case: field.localName, value: chosen }));
}

function value(field: DescField, pool: StringPool): fc.Arbitrary<unknown> {
  switch (field.fieldKind) {
    case "message":
      return arbitraryMessage(field.message, pool);
    case "enum":
      return fc.oneof(
        fc.constantFrom(...field.enum.values.map(({ number }) => number)),
        fc.integer({ min: -1, max: 99 }),
      );
    case "scalar":
      return scalar(field.scalar, pool);
    case "list":
      return fc.array(
        field.listKind === "message"
          ? arbitraryMessage(field.message, pool)
          : field.listKind === "enum"
            ? fc.constantFrom(...field.enum.values.map(({ number }) => number))
            : scalar(field.scalar, pool),
        { maxLength: 4 },
      );
    case "map":
      return fc.dictionary(fc.string({ maxLength: 5 }), scalar(field.scalar!, pool), { maxKeys: 3 });
  }
}

function scalar(type: ScalarType, pool: StringPool): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.DOUBLE:
      return doubles;
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.UINT32:
      return integers;
    case ScalarType.UINT64:
      return longs;
    case ScalarType.BYTES:
      return fc.uint8Array({ maxLength: 64 });
    case ScalarType.STRING:
      return fc.oneof(
        { weight: 4, arbitrary: fc.nat().map((n) => pool()[n % pool().length]!) },
        { weight: 1, arbitrary: fc.string({ unit: "grapheme", maxLength: 200 }) },
      );
    default:
      throw new Error(`no arbitrary for scalar type ${ScalarType[type]}: add one`);
  }
}
