import {
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { checkFields } from "./field-values.ts";

/** The bytes of a request. Throws INVALID_FIELD for a value that its field can't hold, such as 23.5 for a modulus. */
export function encode<D extends DescMessage>(message: D, value: MessageShape<D>): Uint8Array {
  checkFields(message, value);
  return toBinary(message, value);
}

export function decode<D extends DescMessage>(message: D, bytes: Uint8Array): MessageShape<D> {
  return fromBinary(message, bytes);
}

export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}
