import { timestampDate } from "@bufbuild/protobuf/wkt";
import type { Durability as DurabilityMessage } from "@grokbox/proto/retention";
import { defined } from "./defined.ts";
import { fromUint64 } from "./uint64.ts";

/** What of a session is on the server's disk. */
export interface Durability {
  /** Step of the last commit: a crash of the server brings the session back to it. */
  readonly committedStep: number;
  readonly commitTime?: Date;
  /** Why later steps could not be committed; empty when all is well. Training goes on meanwhile. */
  readonly alarm: string;
}

export function fromDurability({ committedStep, commitTime, alarm }: DurabilityMessage): Durability {
  const time = defined({ commitTime: commitTime && timestampDate(commitTime) });
  return { committedStep: fromUint64(committedStep), ...time, alarm };
}
