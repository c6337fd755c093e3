import { type DescFile, type DescService, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import { file_google_rpc_error_details } from "@grokbox/proto/rpc/error_details";
import { file_google_rpc_status } from "@grokbox/proto/rpc/status";
import type { Server } from "@grpc/grpc-js";
import { ReflectionService } from "@grpc/reflection";

/** Adds server reflection, v1 and v1alpha, so that `buf curl` and grpcurl need no protos, nor for the details of errors. */
export function addReflection(server: Server, services: readonly DescService[]): void {
  const roots = [...services.map(({ file }) => file), file_google_rpc_error_details, file_google_rpc_status];
  const fileDescriptorProtos = withImports(roots).map((file) =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, file.proto)),
  );
  // The one property of a package definition that reflection reads; it finds the services in the files.
  const files = { format: "Protocol Buffer 3 DescriptorProto", type: {}, fileDescriptorProtos };
  const listed = services.map(({ typeName }) => typeName);
  new ReflectionService({ files } as never, { services: listed }).addToServer(server);
}

/** The files and all that they import, each once. */
function withImports(roots: readonly DescFile[]): DescFile[] {
  const files = new Map<string, DescFile>();
  const add = (file: DescFile) => {
    if (files.has(file.name)) return;
    files.set(file.name, file);
    file.dependencies.forEach(add);
  };
  roots.forEach(add);
  return [...files.values()];
}
