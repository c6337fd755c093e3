import { type DownloadSnapshotResponse, type FileInfo, SnapshotService } from "@grokbox/proto/snapshot";
import { runtime } from "#runtime";
import { sleep } from "./backoff.ts";
import type { Connection } from "./connection.ts";
import type { Deadline } from "./deadline.ts";
import { badAnswer, GrokboxError } from "./error.ts";
import { type FileFormat, toFileFormat } from "./file-format.ts";
import { toHex } from "./hex.ts";
import { isUnavailable } from "./retry.ts";
import type { Runtime } from "./runtime.ts";
import { fromSnapshot, type Snapshot } from "./snapshot.ts";
import { fromUint64 } from "./uint64.ts";

type Messages = AsyncGenerator<DownloadSnapshotResponse, void, undefined>;
type Chunk = Uint8Array<ArrayBuffer>;

/** One attempt at a download whose beginning has come. */
interface Opened {
  readonly snapshot: Snapshot;
  readonly totalBytes: number;
  /** What is still to come. */
  readonly rest: Messages;
}

/** Over all attempts. */
interface Progress {
  received: number;
  readonly hash: ReturnType<Runtime["sha256"]>;
}

interface ExportOptions {
  readonly format: FileFormat;
  readonly deadline: Deadline;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A snapshot as a file, which comes in chunks as they are taken: however large it is, it takes no more memory than a chunk. Iterate it
 * once; the iteration ends after the file's SHA-256 was checked, and fails with CHECKSUM_MISMATCH when it is another.
 */
export class ExportedFile implements AsyncIterable<Chunk>, AsyncDisposable {
  readonly snapshot: Snapshot;
  readonly format: FileFormat;
  /** Of the whole file. */
  readonly totalBytes: number;
  readonly #connection: Connection;
  readonly #options: ExportOptions;
  #first: Opened | undefined;
  #sha256: string | undefined;

  private constructor(connection: Connection, options: ExportOptions, opened: Opened) {
    this.#connection = connection;
    this.#options = options;
    this.#first = opened;
    this.snapshot = opened.snapshot;
    this.format = options.format;
    this.totalBytes = opened.totalBytes;
  }

  /** @param name - sessions/{id}/snapshots/{step} */
  static async open(connection: Connection, name: string, options: ExportOptions): Promise<ExportedFile> {
    const opened = await connection.retrying(
      (timeoutMs) => open(connection, name, options, timeoutMs),
      options,
    );
    return new ExportedFile(connection, options, opened);
  }

  /** Of all the bytes, in hexadecimal; undefined until all have come. */
  get sha256(): string | undefined {
    return this.#sha256;
  }

  /** All of it at once. */
  async bytes(): Promise<Chunk> {
    const bytes = new Uint8Array(this.totalBytes);
    let at = 0;
    for await (const chunk of this) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    return bytes;
  }

  /** A connection that breaks is taken up where it broke, until the deadline. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Chunk, void, undefined> {
    let attempt: Opened | undefined = this.#take();
    const progress: Progress = { received: 0, hash: runtime.sha256() };
    for (let failures = 1; ; failures++) {
      try {
        attempt ??= await this.#again();
        return yield* this.#read(attempt.rest, progress);
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        await this.#wait(error, failures);
        attempt = undefined;
      }
    }
  }

  /** Ends the download where it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#first?.rest.return();
    this.#first = undefined;
  }

  #take(): Opened {
    const first = this.#first;
    if (first === undefined)
      throw new GrokboxError("a file can be read once", { code: "FAILED_PRECONDITION" });
    this.#first = undefined;
    return first;
  }

  async *#read(messages: Messages, progress: Progress): AsyncGenerator<Chunk, void, undefined> {
    let at = 0;
    for await (const { part } of messages) {
      if (part.case === "file") {
        this.#sha256 = checked(part.value, progress, this.totalBytes);
        return;
      }
      if (part.case !== "chunk") continue;
      const { data, offset } = part.value;
      if (offset !== BigInt(at) || at + data.length > this.totalBytes) {
        throw badAnswer(`a chunk of ${data.length} bytes came for ${offset} in place of ${at}`);
      }
      at += data.length;
      if (at <= progress.received) continue;
      const fresh = data.subarray(data.length - (at - progress.received)) as Chunk;
      progress.hash.update(fresh);
      progress.received = at;
      yield fresh;
    }
    throw badAnswer(`${progress.received} of ${this.totalBytes} bytes came, and no checksum`);
  }

  async #again(): Promise<Opened> {
    const { name } = this.snapshot;
    const again = await open(this.#connection, name, this.#options, this.#options.deadline.leftMs);
    if (again.totalBytes === this.totalBytes) return again;
    await again.rest.return();
    throw new GrokboxError(`${name} is another file now than when its download began`, { code: "ABORTED" });
  }

  async #wait(failure: GrokboxError, failures: number): Promise<void> {
    const { deadline, signal } = this.#options;
    const waitMs = Math.max(this.#connection.backoff.waitMs(failures), failure.retryDelayMs);
    if (waitMs >= deadline.leftMs) throw failure;
    await sleep(waitMs, signal);
  }
}

/** Begins a download, up to where its bytes begin. */
async function open(
  connection: Connection,
  name: string,
  { format, signal }: ExportOptions,
  timeoutMs: number,
): Promise<Opened> {
  const request = { name, format: toFileFormat(format) };
  const rest = connection.stream(SnapshotService.method.downloadSnapshot, request, { timeoutMs, signal });
  let snapshot: Snapshot | undefined;
  for (let next = await rest.next(); !next.done; next = await rest.next()) {
    const { part } = next.value;
    if (part.case === "snapshot") snapshot = fromSnapshot(part.value);
    if (part.case !== "file" || snapshot === undefined) continue;
    return { snapshot, totalBytes: fromUint64(part.value.totalBytes), rest };
  }
  throw badAnswer(`the server sent no file of ${name}`);
}

/** The digest of what came, when it is the one announced. */
function checked({ sha256 }: FileInfo, { hash, received }: Progress, totalBytes: number): string {
  if (received !== totalBytes) throw badAnswer(`${received} of ${totalBytes} bytes came`);
  const expected = toHex(sha256);
  const got = toHex(hash.digest());
  if (got === expected) return got;
  throw new GrokboxError(`the bytes' SHA-256 is ${got}, and ${expected} was announced`, {
    code: "DATA_LOSS",
    reason: "CHECKSUM_MISMATCH",
    metadata: { expected, got },
  });
}
