import type { Commit, Store } from "../store/store.ts";
import { GrokboxError } from "./errors.ts";
import { type Capture, type Keeper, toGrokboxError } from "./keeper.ts";
import {
  arrays,
  digest,
  type Snapshot,
  type SnapshotInfo,
  type SnapshotKind,
  type SnapshotMeta,
  stateOf,
} from "./snapshot.ts";
import type { Snapshots } from "./snapshots.ts";

/** Tells the caller what will be answered, before it becomes durable, so that the answer becomes so with it. */
export type Answering<T> = (result: T) => void;

export interface KeepingParts {
  /** sessions/{id} */
  readonly session: string;
  readonly id: string;
  readonly preset: string;
  readonly store: Store;
  readonly keeper: Keeper;
  readonly snapshots: Snapshots;
  /** Where the session is. */
  readonly position: () => { readonly step: number; readonly course: number };
  /** The present state with all that belongs to it. */
  readonly capture: () => Promise<Capture>;
}

export interface KeepOptions {
  readonly label?: string;
  readonly answering?: Answering<SnapshotInfo>;
  /** Steps whose snapshots go in the same commit. */
  readonly expired?: readonly number[];
  /** What else goes in the same commit. */
  readonly extra?: Commit;
}

/** A snapshot that is kept for a fork, and that nobody deletes before one of these is called. */
export interface KeptForFork {
  readonly step: number;
  /** It was forked, or may stay all the same. */
  release(): void;
  /** Nothing came of the fork: it goes again, unless it was there before or somebody else was told of it. */
  takeBack(): Promise<void>;
}

/** Makes, reads and deletes a session's snapshots in the store. */
export class SnapshotKeeping {
  readonly #parts: KeepingParts;

  constructor(parts: KeepingParts) {
    this.#parts = parts;
  }

  /**
   * Keeps the present state; resolves when it is durable. The same step of the same course again is the snapshot that there is, with
   * the new label. With the trainer to itself.
   */
  async keep(kind: SnapshotKind, options: KeepOptions = {}): Promise<SnapshotInfo> {
    const { snapshots, position } = this.#parts;
    const { step, course } = position();
    const present = snapshots.find(step);
    if (present?.head.course === course) {
      // What is about to be deleted is not here any more, and this one is not to be before it is written.
      const release = snapshots.hold(step);
      return this.#relabel(present, kind, options).finally(release);
    }
    if (present !== undefined && (kind === "requested" || present.pinned || present.kind === "requested")) {
      const { session } = this.#parts;
      throw new GrokboxError(
        "SNAPSHOT_EXISTS",
        `${session} has a snapshot at step ${step} from before its course changed; delete it first, or fork`,
        { snapshot: `${session}/snapshots/${step}` },
      );
    }
    return this.#make(kind, options);
  }

  /** Keeps the present state for a fork. With the trainer to itself. */
  async keepForFork(kind: SnapshotKind): Promise<KeptForFork> {
    const { snapshots, position } = this.#parts;
    const { step } = position();
    const before = snapshots.find(step);
    const release = snapshots.hold(step);
    try {
      const info = await this.keep(kind);
      const takeBack = async () => {
        release();
        if (info.head === before?.head) return;
        await this.delete(step, (present) => present === info).catch((error) => {
          // A full disk keeps it, or somebody else has deleted it.
          if (!(error instanceof GrokboxError)) throw error;
        });
      };
      return { step, release, takeBack };
    } catch (error) {
      release();
      throw error;
    }
  }

  async #make(
    kind: SnapshotKind,
    { label = "", answering = () => {}, expired = [], extra = {} }: KeepOptions,
  ): Promise<SnapshotInfo> {
    const { session, id, preset, keeper, snapshots, capture } = this.#parts;
    if (expired.length === 0) snapshots.checkRoom([this.#parts.position().step]);
    const present = await capture();
    const { latest: _, ...head } = present.head;
    const info: SnapshotInfo = {
      session,
      step: head.step,
      createTimeMs: Date.now(),
      kind,
      arrays: arrays(present.state).map(({ name }) => name),
      sha256: await digest(present.state),
      head,
      preset,
      label,
      pinned: label !== "",
      forks: 0,
    };
    // Nobody can fork from what is about to go.
    const gone = expired.flatMap((step) => snapshots.remove(step) ?? []);
    answering(info);
    const { pinned, createTimeMs } = info;
    try {
      await keeper.commit(
        // It also takes the place of one that is damaged, and so not known.
        { ...present, snapshot: { kind, pinned, createTimeMs, meta: metaOf(info), replace: true } },
        { ...extra, deleteSnapshots: gone.map(({ step }) => ({ session: id, step })) },
      );
    } catch (error) {
      for (const snapshot of gone) snapshots.put(snapshot);
      throw error;
    }
    snapshots.put(info);
    return info;
  }

  /** Gives the snapshot that there is another label, and makes it one that was asked for if it is now. */
  async #relabel(
    present: SnapshotInfo,
    kind: SnapshotKind,
    { label = "", answering = () => {} }: KeepOptions,
  ): Promise<SnapshotInfo> {
    const { id, keeper, snapshots, capture } = this.#parts;
    const text = label === "" ? present.label : label;
    const info: SnapshotInfo = {
      ...present,
      kind: kind === "requested" ? kind : present.kind,
      label: text,
      pinned: present.pinned || text !== "",
    };
    answering(info);
    // That the trigger has fired is stored before it does more: after a crash it must not do that again.
    const counts = kind === "triggered" ? await capture() : undefined;
    if (counts === undefined && info.kind === present.kind && info.label === present.label) {
      // By its being another object it is known for somebody else's, too.
      snapshots.put(info);
      // An answer that nothing else would carry.
      if (keeper.owesAnswers) await keeper.commit(undefined);
      return info;
    }
    const { step, pinned } = info;
    await keeper.commit(counts, {
      updateSnapshots: [
        { session: id, step, kind: info.kind, meta: metaOf(info), ...(pinned ? { pinned } : {}) },
      ],
    });
    // It may have been forked from meanwhile.
    const { forks, pinned: isPinned } = snapshots.find(step) ?? info;
    const after = { ...info, forks, pinned: pinned || isPinned };
    snapshots.put(after);
    return after;
  }

  /** Fails with SNAPSHOT_NOT_FOUND, or with SNAPSHOT_CORRUPT when its bytes are damaged. */
  async read(step: number): Promise<Snapshot> {
    const { id, store, snapshots } = this.#parts;
    const info = snapshots.get(step);
    const stored = await store.readSnapshot(id, step).catch((error) => {
      throw toGrokboxError(error);
    });
    return { info, spec: info.head.spec, state: stateOf(step, stored.arrays), train: stored.train };
  }

  /**
   * Deletes a snapshot once nobody holds on to it.
   *
   * @param isStill - is asked just before: whether it still is to be
   */
  async delete(step: number, isStill: (info: SnapshotInfo) => boolean = () => true): Promise<void> {
    const { id, keeper, snapshots } = this.#parts;
    let info = snapshots.get(step);
    for (let held = snapshots.released(step); held !== undefined; held = snapshots.released(step)) {
      await held;
      info = snapshots.get(step);
    }
    if (!isStill(info)) return;
    // Nobody can fork from what is about to go, and who keeps this step from now on keeps it anew.
    snapshots.remove(step);
    const { label } = info;
    try {
      await keeper.commit(undefined, {
        deleteSnapshots: [{ session: id, step }],
        putEvents: [{ session: id, step, timeMs: Date.now(), kind: "snapshotDeleted", body: { label } }],
      });
    } catch (error) {
      if (snapshots.find(step) === undefined) snapshots.put(info);
      throw error;
    }
  }

  /** For the commit of a session that is forked from a snapshot, which stays from then on. */
  forking(step: number): { readonly commit: Commit; readonly done: () => void } {
    const { id, snapshots } = this.#parts;
    return {
      commit: { updateSnapshots: [{ session: id, step, pinned: true }] },
      done: () => {
        const info = snapshots.find(step);
        if (info !== undefined) snapshots.put({ ...info, forks: info.forks + 1, pinned: true });
      },
    };
  }
}

function metaOf({ head, preset, label }: SnapshotInfo): SnapshotMeta {
  return { head, preset, label };
}
