import type { AnswerRow } from "../store/store.ts";

/** For how long an id is remembered after its last use. */
const lifetimeMs = 24 * 3_600_000;

/** Before the method in the row of a call that has no answer yet, but a memo, as JSON. */
const memoOf = "memo of ";

/** A row of earlier servers, which wrote no method with a memo, nor with the answer that came of one later. */
const eitherMethod = "memo";

/** What a call that was cut short after a part of its effect leaves behind for its repetition. */
export interface Memo {
  /** The step that a Step call goes to. */
  target?: number;
  /** The step at which it left the session when it was cut short. */
  left?: number;
}

/** One mutating call by its request id: what it has noted so far, and its answer once it has one. */
export class Receipt {
  /** Empty: the call can't be repeated, and nothing of it is kept. */
  readonly requestId: string;
  /** Of method and body. */
  readonly fingerprint: string;
  /** Of the answer. */
  readonly method: string;
  readonly memo: Memo;
  /** The call's effect is a state: its memo and answer may only be stored with that. */
  isBoundToState = false;
  #response: Uint8Array | undefined;
  expiresMs: number;

  constructor(
    requestId: string,
    fingerprint: string,
    method: string,
    memo: Memo = {},
    response?: Uint8Array,
    expiresMs?: number,
  ) {
    this.requestId = requestId;
    this.fingerprint = fingerprint;
    this.method = method;
    this.memo = memo;
    this.#response = response;
    this.expiresMs = expiresMs ?? Date.now() + lifetimeMs;
  }

  static of({ requestId, fingerprint, method, response, expireTimeMs }: AnswerRow): Receipt {
    const memo = memoIn(method, response);
    if (memo === undefined) return new Receipt(requestId, fingerprint, method, {}, response, expireTimeMs);
    const called = method.startsWith(memoOf) ? method.slice(memoOf.length) : "";
    return new Receipt(requestId, fingerprint, called, memo, undefined, expireTimeMs);
  }

  /** The answer's wire form. */
  get response(): Uint8Array | undefined {
    return this.#response;
  }

  respond(response: Uint8Array): void {
    this.#response = response;
  }

  /** The effect that the answer tells of did not happen. */
  withdraw(): void {
    this.#response = undefined;
  }

  touch(): void {
    this.expiresMs = Date.now() + lifetimeMs;
  }

  /** What a repetition after a crash must find; nothing when there is nothing to find. */
  row(): AnswerRow | undefined {
    const { requestId, fingerprint, expiresMs: expireTimeMs } = this;
    if (requestId === "") return undefined;
    if (this.#response !== undefined)
      return { requestId, fingerprint, method: this.method, response: this.#response, expireTimeMs };
    if (Object.keys(this.memo).length === 0) return undefined;
    const response = Buffer.from(JSON.stringify(this.memo));
    return { requestId, fingerprint, method: memoOf + this.method, response, expireTimeMs };
  }
}

/** The memo in a stored row, if it is none of an answer. */
function memoIn(method: string, response: Uint8Array): Memo | undefined {
  if (method !== eitherMethod && !method.startsWith(memoOf)) return undefined;
  try {
    return JSON.parse(Buffer.from(response).toString()) as Memo;
  } catch (error) {
    if (method === eitherMethod) return undefined;
    throw error;
  }
}
