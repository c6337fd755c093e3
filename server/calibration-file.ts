import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { cpus, hostname } from "node:os";
import { join } from "node:path";
import type { Logger } from "pino";
import type { Engine } from "./engine/engine.ts";
import { type Calibration, calibrate, calibrationVersion } from "./sessions/calibration.ts";
import type { EngineSet, OfferedEngine } from "./sessions/engines.ts";
import { version } from "./version.ts";

/** What all engines together may take to be timed. */
const budgetMs = 1_800;

export const calibrationFile = "calibration.json";

interface Kept {
  readonly key: string;
  readonly timings: Calibration;
}

/**
 * The same engines with how fast they are here, where there is a choice: as it was found earlier on this machine, or timed now, within
 * two seconds and what compiling takes. What could not be timed is offered without.
 *
 * @param directory - of the server's data, where it is kept; undefined: nowhere
 */
export async function calibrated(
  set: EngineSet,
  directory: string | undefined,
  logger: Logger,
): Promise<EngineSet> {
  if (set.offered.length < 2) return set;
  const file = directory === undefined ? undefined : join(directory, calibrationFile);
  const before = file === undefined ? [] : read(file, logger);
  const offered: OfferedEngine[] = [];
  const kept: Kept[] = [];
  for (const one of set.offered) {
    const key = keyOf(one.engine);
    const known = before.find((earlier) => earlier.key === key)?.timings;
    try {
      const calibration = known ?? (await calibrate(one.engine, budgetMs / set.offered.length));
      kept.push({ key, timings: calibration });
      offered.push({ ...one, calibration });
    } catch (err) {
      logger.warn({ err, engine: one.engine.name }, "could not be timed, and is not chosen unless asked for");
      offered.push(one);
    }
  }
  if (file !== undefined && kept.some(({ key }) => !before.some((earlier) => earlier.key === key)))
    write(file, [...before.filter(({ key }) => !kept.some((one) => one.key === key)), ...kept], logger);
  return { ...set, offered };
}

/** What a timing is of: another machine, device, build, version or bound of memory, which decides what is timed, is timed anew. */
function keyOf({ name, variant, device, isa, threads, parts, memoryBytes }: Engine): string {
  const machine = `${hostname()}, ${cpus()[0]?.model ?? ""} x ${cpus().length}`;
  return [calibrationVersion, version, machine, name, variant, device, isa, threads, parts, memoryBytes].join(
    " | ",
  );
}

/** Nothing when there is no file, or one that is damaged. */
function read(file: string, logger: Logger): readonly Kept[] {
  try {
    const kept: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (Array.isArray(kept) && kept.every(isKept)) return kept;
    logger.warn({ file }, "is damaged; the engines are timed again");
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== "ENOENT")
      logger.warn({ err, file }, "could not be read; the engines are timed again");
  }
  return [];
}

function write(file: string, kept: readonly Kept[], logger: Logger): void {
  try {
    writeFileSync(`${file}.new`, `${JSON.stringify(kept, undefined, 2)}\n`);
    renameSync(`${file}.new`, file);
  } catch (err) {
    logger.warn({ err, file }, "could not be written; the next server times the engines again");
  }
}

function isKept(value: unknown): value is Kept {
  const { key, timings } = (value ?? {}) as Partial<Kept>;
  return typeof key === "string" && Array.isArray(timings) && timings.length > 0 && timings.every(isTiming);
}

function isTiming(value: unknown): value is Calibration[number] {
  const { modulus, width, stepMs, cohort } = (value ?? {}) as Partial<Calibration[number]>;
  const isPositive = (number: unknown) => Number.isFinite(number) && (number as number) > 0;
  const hasCohort =
    cohort === undefined || (cohort?.size > 1 && isPositive(cohort.size) && isPositive(cohort.stepMs));
  return [modulus, width, stepMs].every(isPositive) && hasCohort;
}
