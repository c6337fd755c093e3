import { createInterface } from "node:readline";
import type { Call } from "./call.ts";
import { Interruption } from "./world.ts";

export interface ConfirmOptions {
  readonly yes?: true;
}

/** Whether a person agrees. Where nobody can be asked, the command line itself is the answer. */
export async function isConfirmed(
  question: string,
  { world, options, output, interrupt }: Call<ConfirmOptions>,
): Promise<boolean> {
  const { stdin, stderr } = world;
  if (options.yes || output.json || !stdin.isTTY || !stderr.isTTY) return true;
  interrupt.throwIfAborted();
  const prompt = createInterface({ input: stdin, output: stderr });
  // What follows has a line of its own.
  const unanswered = () => stderr.write("\n");
  let giveUp = () => {};
  try {
    return await new Promise<boolean>((resolve, reject) => {
      giveUp = () => reject(interrupt.reason);
      interrupt.addEventListener("abort", giveUp);
      // A terminal that is asked sends no signal.
      prompt.once("SIGINT", () => {
        unanswered();
        reject(new Interruption("SIGINT"));
      });
      // Ctrl-D
      prompt.once("close", () => {
        unanswered();
        resolve(false);
      });
      prompt.question(`${question} [y/N] `, (answer) => {
        prompt.removeAllListeners("close");
        resolve(/^y(es)?$/i.test(answer.trim()));
      });
    });
  } finally {
    interrupt.removeEventListener("abort", giveUp);
    prompt.removeAllListeners("close");
    prompt.close();
  }
}
