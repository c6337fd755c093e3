import { Server, type ServiceDefinition, type UntypedServiceImplementation } from "@grpc/grpc-js";

/** A gRPC server that can say which methods it has. */
export class RpcServer extends Server {
  readonly #paths = new Set<string>();

  override addService(service: ServiceDefinition, handlers: UntypedServiceImplementation): void {
    for (const { path } of Object.values(service)) this.#paths.add(path);
    super.addService(service, handlers);
  }

  hasMethod(path: string): boolean {
    return this.#paths.has(path);
  }
}
