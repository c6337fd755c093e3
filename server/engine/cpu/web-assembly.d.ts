/** As much of the WebAssembly API as the engine uses; TypeScript has it among the browser's types only. */
declare namespace WebAssembly {
  class Module {
    private constructor();
  }
  class Instance {
    constructor(module: Module, imports: Record<string, Record<string, Memory>>);
    readonly exports: object;
  }
  class Memory {
    constructor(descriptor: { initial: number; maximum: number; shared: true });
    readonly buffer: SharedArrayBuffer;
  }
  interface Global {
    value: number;
  }
  function compile(bytes: Uint8Array<ArrayBuffer>): Promise<Module>;
}
