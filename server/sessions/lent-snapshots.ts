import type { Session } from "./session.ts";
import { type Snapshot, type SnapshotInfo, snapshotBytes } from "./snapshot.ts";

interface Loan {
  readonly snapshot: Promise<Snapshot>;
  readonly bytes: number;
  borrowers: number;
}

export interface LentMemory {
  /** Sets memory aside. Fails with OUT_OF_MEMORY. */
  reserve(bytes: number, what: string): Promise<void>;
  release(bytes: number): void;
}

/** Snapshots in the hands of callers who may take their time with them: each is in memory once, however many have it. */
export class LentSnapshots {
  readonly #memory: LentMemory;
  /** By what stays the same object as long as a snapshot is the same, whatever its label. */
  readonly #loans = new Map<SnapshotInfo["head"], Loan>();

  constructor(memory: LentMemory) {
    this.#memory = memory;
  }

  /**
   * Fails with OUT_OF_MEMORY, SNAPSHOT_NOT_FOUND and SNAPSHOT_CORRUPT.
   *
   * @returns also what must be called once the caller has done with it
   */
  async borrow(
    session: Session,
    step: number,
  ): Promise<{ readonly snapshot: Snapshot; readonly giveBack: () => void }> {
    const info = session.snapshots.get(step);
    const { head } = info;
    let loan = this.#loans.get(head);
    if (loan === undefined) {
      const bytes = snapshotBytes(info);
      loan = { snapshot: this.#read(session, step, bytes), bytes, borrowers: 0 };
      this.#loans.set(head, loan);
    }
    loan.borrowers += 1;
    try {
      const snapshot = await loan.snapshot;
      const giveBack = () => {
        if (this.#leave(head, loan)) this.#memory.release(loan.bytes);
      };
      return { snapshot: snapshot.info.head === head ? { ...snapshot, info } : snapshot, giveBack };
    } catch (error) {
      this.#leave(head, loan);
      throw error;
    }
  }

  async #read(session: Session, step: number, bytes: number): Promise<Snapshot> {
    await this.#memory.reserve(bytes, `${session.name}/snapshots/${step}`);
    try {
      return await session.readSnapshot(step);
    } catch (error) {
      this.#memory.release(bytes);
      throw error;
    }
  }

  /** Whether that was the last one who had it. */
  #leave(head: SnapshotInfo["head"], loan: Loan): boolean {
    loan.borrowers -= 1;
    return loan.borrowers === 0 && this.#loans.delete(head);
  }
}
