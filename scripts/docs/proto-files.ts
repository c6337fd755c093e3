import { spawnSync } from "node:child_process";
import { createFileRegistry, type DescFile, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** Not ours to explain. */
const standard = /^(google\/protobuf|grpc)\//;

/** The files of `proto/`, with their comments: those with services first, each part in alphabetical order. */
export function readProtoFiles(root: string): DescFile[] {
  const { status, stdout } = spawnSync("buf", ["build", "-o", "-#format=binpb"], {
    cwd: root,
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 64 * 2 ** 20,
  });
  if (status !== 0) throw new Error("buf can't build the protos");
  const registry = createFileRegistry(fromBinary(FileDescriptorSetSchema, stdout));
  return [...registry.files]
    .filter(({ name }) => !standard.test(`${name}.proto`))
    .sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
}

function rank({ services, name }: DescFile): number {
  if (services.length > 0) return 0;
  return name.startsWith("grokbox/") ? 1 : 2;
}
