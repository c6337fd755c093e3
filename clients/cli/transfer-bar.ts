import cliProgress from "cli-progress";
import { size } from "./numbers.ts";
import { type Output, styleOf } from "./output.ts";

const barColumns = 30;

/** A line that shows how much of a file has come, for as long as it is not stopped; nothing where no person looks. */
export class TransferBar {
  readonly #bar: cliProgress.SingleBar | undefined;
  #bytes = 0;

  constructor(output: Output, totalBytes: number) {
    if (!output.isAttended) return;
    const style = styleOf(output.stderr);
    this.#bar = new cliProgress.SingleBar({
      stream: output.stderr,
      hideCursor: true,
      clearOnComplete: true,
      gracefulExit: false,
      format: (_options, { value }) => {
        const share = totalBytes === 0 ? 1 : value / totalBytes;
        const done = Math.round(share * barColumns);
        const bar = style("cyan", "━".repeat(done)) + style("dim", "─".repeat(barColumns - done));
        return `${`${Math.floor(share * 100)}%`.padStart(4)}  ${bar}  ${size(value)} of ${size(totalBytes)}`;
      },
    });
    this.#bar.start(totalBytes, 0);
  }

  /** The same pieces, shown as they pass. */
  async *follow(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const piece of pieces) {
        yield piece;
        this.#bytes += piece.length;
        this.#bar?.update(this.#bytes);
      }
    } finally {
      this.#bar?.stop();
    }
  }
}
