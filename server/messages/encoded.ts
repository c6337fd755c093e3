import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";

/** A message in its wire form. A handler may give it in place of the message: one that goes out many times, or was stored. */
export class Encoded {
  readonly bytes: Buffer;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  static of<D extends DescMessage>(schema: D, message: MessageInitShape<D>): Encoded {
    return new Encoded(toBinary(schema, create(schema, message)));
  }
}
