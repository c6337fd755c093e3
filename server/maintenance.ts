import { join } from "node:path";
import { Command } from "commander";
import { dataOption, defaultDataDirectory } from "./config.ts";
import { backupFile } from "./store/backup.ts";
import { storeFile } from "./store/database.ts";
import { checkStore, describe, restoreBackup, salvageStore } from "./store/doctor.ts";
import { StoreError } from "./store/store.ts";

/** Commands on the store of this machine, beside a running server or without one. Exit code 1: it failed, or damage was found. */
const commands: Readonly<Record<string, (program: Command) => Command>> = {
  backup: (program) =>
    program
      .description("Copies everything to one new file, consistently, also while the server runs.")
      .argument("<file>", "to be made")
      .addOption(dataOption())
      .action((file: string, { data }: { data?: string }) => backup(file, directoryOf(data))),
  "restore-backup": (program) =>
    program
      .description("Makes a backup the store of a data folder that no server uses.")
      .argument("<file>", "that `backup` made")
      .addOption(dataOption())
      .option("--replace", "the folder has a store already, which is kept beside the new one")
      .action((file: string, { data, replace = false }: { data?: string; replace?: boolean }) =>
        restore(file, directoryOf(data), replace),
      ),
  doctor: (program) =>
    program
      .description("Checks every row of the store, and names each damaged one by session and step.")
      .addOption(dataOption())
      .option("--salvage <file>", "copy what is whole to a new store file, for restore-backup")
      .action(({ data, salvage }: { data?: string; salvage?: string }) => doctor(directoryOf(data), salvage)),
};

/** Does the command that `argv` begins with; false when it begins with none. */
export async function maintain(argv: readonly string[]): Promise<boolean> {
  const [name = "", ...rest] = argv;
  const define = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (define === undefined) return false;
  const program = define(new Command(`grokbox ${name}`))
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "grokbox: ")) })
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2));
  try {
    await program.parseAsync(rest, { from: "user" });
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    console.error(`grokbox: ${error.message}`);
    process.exitCode = 1;
  }
  return true;
}

async function backup(file: string, directory: string): Promise<void> {
  const from = join(directory, storeFile);
  const stop = new Int32Array(new SharedArrayBuffer(4));
  process.once("SIGINT", () => Atomics.store(stop, 0, 1));
  let shown = -1;
  await backupFile({ from, to: file, stop }, (share) => {
    const percent = Math.floor(100 * share);
    if (percent === shown || !process.stderr.isTTY) return;
    shown = percent;
    process.stderr.write(`\r${percent} %`);
  });
  if (shown >= 0) process.stderr.write("\r");
  console.log(`${from} is copied to ${file}`);
}

async function restore(file: string, directory: string, replace: boolean): Promise<void> {
  const former = restoreBackup(file, directory, { replace });
  console.log(`${directory} has what ${file} had; start the server with --data ${directory}`);
  if (former !== undefined) console.log(`What it had before is ${former}`);
}

async function doctor(directory: string, salvage: string | undefined): Promise<void> {
  const file = join(directory, storeFile);
  let damaged = 0;
  for await (const damage of checkStore(file)) {
    damaged += 1;
    console.log(`damaged: ${describe(damage)}`);
  }
  console.log(damaged === 0 ? `${file} is sound` : `${damaged} damaged`);
  if (damaged > 0) process.exitCode = 1;
  if (salvage === undefined) return;
  const { copied, damage } = await salvageStore(file, salvage);
  const rows = Object.entries(copied).map(([table, count]) => `${count} ${table.replace("_", " ")}`);
  console.log(`${salvage} has ${rows.join(", ")}; ${damage.length} damaged left out`);
}

function directoryOf(data: string | undefined): string {
  return data ?? defaultDataDirectory();
}
