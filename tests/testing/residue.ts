import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { getEventListeners } from "node:events";
import * as v8 from "node:v8";
import { runInNewContext } from "node:vm";
import type { RunningServer } from "../../server/server.ts";

/**
 * What is there now that calls which have ended must not leave behind, by kind: bytes set aside, turns and watchers that wait, HTTP/2
 * streams, listeners on what lives as long as the server, abort signals (every call has its own, and whatever still listens to one
 * keeps it alive), array buffers, and the timers and sockets that keep the process going.
 */
export type Residue = Readonly<Record<string, number>>;

const { setFlagsFromString } = v8;
// Of Node 24, and not yet in its types.
const { queryObjects } = v8 as typeof v8 & {
  queryObjects(ctor: new () => object, options: { format: "count" }): number;
};

/** Looks into the process of a server, which is the test's own. */
export class ResidueMeter {
  readonly #server: RunningServer;
  readonly #streams = new Set<unknown>();
  readonly #collectGarbage: () => void;
  readonly #created = (message: unknown) => this.#streams.add((message as { stream: unknown }).stream);
  readonly #closed = (message: unknown) => this.#streams.delete((message as { stream: unknown }).stream);

  constructor(server: RunningServer) {
    this.#server = server;
    subscribe("http2.server.stream.created", this.#created);
    subscribe("http2.server.stream.close", this.#closed);
    setFlagsFromString("--expose-gc");
    this.#collectGarbage = runInNewContext("gc");
  }

  close(): void {
    unsubscribe("http2.server.stream.created", this.#created);
    unsubscribe("http2.server.stream.close", this.#closed);
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  read(): Residue {
    return { ...this.readCounts(), ...this.readHeap() };
  }

  /** What is known without a look at the heap. */
  readCounts(): Residue {
    const { registry } = this.#server;
    const { interactive, background } = registry.queueDepth();
    const residue: Record<string, number> = {
      usedBytes: registry.memory.usedBytes,
      turnsWaiting: interactive + background,
      watchers: [...registry.all()].reduce((sum, { log }) => sum + log.cursors.size, 0),
      openStreams: this.#streams.size,
      abortListeners: getEventListeners(registry.closing, "abort").length,
    };
    for (const kind of process.getActiveResourcesInfo()) residue[kind] = (residue[kind] ?? 0) + 1;
    return residue;
  }

  /** Takes some 0.7 s: for each kind all garbage is collected, and all objects are looked at. */
  readHeap(): Residue {
    return {
      abortSignals: queryObjects(AbortSignal, { format: "count" }),
      arrayBuffers: queryObjects(ArrayBuffer, { format: "count" }),
    };
  }

  /** Of objects, after a collection. What array buffers take is given back some time later; they are counted instead. */
  heapBytes(): number {
    this.#collectGarbage();
    return process.memoryUsage().heapUsed;
  }
}
