import {
  type DescMessage,
  type DescMethod,
  fromBinary,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { invalidField } from "./error.ts";

/** The bytes of a request. Throws INVALID_FIELD for a value that its field can't hold, such as 23.5 for a modulus. */
export function encode<D extends DescMessage>(message: D, value: MessageShape<D>): Uint8Array {
  try {
    return toBinary(message, value);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const [, field, what] = /cannot encode field \S*\.(\w+) to binary: (.*)/s.exec(text) ?? [];
    throw invalidField(field ?? message.name, `can't be sent: ${what ?? text}`);
  }
}

export function decode<D extends DescMessage>(message: D, bytes: Uint8Array): MessageShape<D> {
  return fromBinary(message, bytes);
}

export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}
