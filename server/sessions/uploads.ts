import { randomUUID } from "node:crypto";
import type { TrainerState } from "../engine/engine.ts";
import type { Spec } from "../model/spec.ts";
import { GrokboxError } from "./errors.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import { stateBytes } from "./snapshot.ts";

/** How long an upload waits for its StartSession. */
export const uploadLifetimeMs = 10 * 60_000;

export interface Upload {
  /** uploads/{id} */
  readonly name: string;
  readonly modulus: number;
  readonly width: number;
  readonly state: TrainerState;
  /** [p, p] mask of training pairs, when it came with the weights. */
  readonly train?: Uint8Array;
  /** The spec of the run that they come from, when that is known. */
  readonly spec?: Spec;
  readonly expireTimeMs: number;
}

/** Weights received for sessions to come. Each can be used once. */
export class Uploads {
  readonly #memory: MemoryBudget;
  readonly #uploads = new Map<string, { readonly upload: Upload; readonly timer: NodeJS.Timeout }>();

  constructor(memory: MemoryBudget) {
    this.#memory = memory;
  }

  /** Keeps a state whose bytes the caller has reserved already. */
  add(content: Omit<Upload, "name" | "expireTimeMs">): Upload {
    const name = `uploads/${randomUUID()}`;
    const upload = { ...content, name, expireTimeMs: Date.now() + uploadLifetimeMs };
    const timer = setTimeout(() => this.release(name), uploadLifetimeMs).unref();
    this.#uploads.set(name, { upload, timer });
    return upload;
  }

  get(name: string): Upload {
    const entry = this.#uploads.get(name);
    if (entry !== undefined) return entry.upload;
    throw new GrokboxError("UPLOAD_NOT_FOUND", `${name} does not exist: never uploaded, expired, or used`, {
      upload: name,
    });
  }

  /** Takes an upload for one use, so that nobody else gets it meanwhile. */
  take(name: string): { readonly release: () => void; readonly putBack: () => void } {
    const upload = this.get(name);
    const entry = this.#uploads.get(name)!;
    clearTimeout(entry.timer);
    this.#uploads.delete(name);
    return {
      release: () => this.#memory.release(stateBytes(upload.state)),
      putBack: () => {
        const timer = setTimeout(
          () => this.release(name),
          Math.max(0, upload.expireTimeMs - Date.now()),
        ).unref();
        this.#uploads.set(name, { upload, timer });
      },
    };
  }

  /** Forgets an upload and gives its bytes back. */
  release(name: string): void {
    const entry = this.#uploads.get(name);
    if (entry === undefined) return;
    clearTimeout(entry.timer);
    this.#uploads.delete(name);
    this.#memory.release(stateBytes(entry.upload.state));
  }
}
