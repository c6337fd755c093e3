import { FileFormat as FileFormatMessage } from "@grokbox/proto/snapshot";
import { invalidField } from "./error.ts";

const formats = { safetensors: FileFormatMessage.SAFETENSORS, npz: FileFormatMessage.NPZ } as const;

/** Forms of a file. Both hold `theta`, `xi`, AdamW's moments and the mask of training pairs, `train`. */
export type FileFormat = keyof typeof formats;

export function toFileFormat(format: FileFormat): FileFormatMessage {
  if (Object.hasOwn(formats, format)) return formats[format];
  throw invalidField("format", `must be ${Object.keys(formats).join(" or ")}`, format);
}
