import { SweepService } from "@grokbox/proto/sweep";
import type { Connection } from "./connection.ts";
import { type CallOptions, callKeys } from "./deadline.ts";
import { throwIfCancelled } from "./error.ts";
import { type Known, refuseUnknown } from "./known-keys.ts";
import { fromMeasure, type Measure } from "./measure.ts";
import { type Coordinates, fromCoordinates } from "./sweep-parameter.ts";
import { fromUint64, toUint64 } from "./uint64.ts";

/** One measure at one step over the runs of a group: half of them lie between the quartiles. */
export interface BandPoint {
  readonly step: number;
  /** Runs that got there and have the measure, 1 or more. */
  readonly runs: number;
  readonly median: number;
  readonly lowerQuartile: number;
  readonly upperQuartile: number;
}

/** The measures of the four progress panels over time, over the finished runs that differ only in their seed. */
export interface SweepBands {
  /** From 0. */
  readonly group: number;
  readonly coordinates: Coordinates;
  /** Finished runs that they are of. */
  readonly runs: number;
  /** In order of steps; a measure that no run has is absent. */
  readonly measures: Readonly<Partial<Record<Measure, readonly BandPoint[]>>>;
}

export interface SweepBandsOptions extends CallOptions {
  /** The first group wanted. @default 0 */
  readonly firstGroup?: number | undefined;
  /** Groups wanted at most. @default all */
  readonly groups?: number | undefined;
}

const keys: Known<SweepBandsOptions> = { firstGroup: true, groups: true, ...callKeys };

/** Groups an answer, unless fewer are wanted; as many as the server gives. */
const pageGroups = 50;

/** In order of groups, in as many answers as they need. The deadline is for each. */
export async function* readBands(
  connection: Connection,
  name: string,
  options: SweepBandsOptions,
): AsyncGenerator<SweepBands, void, undefined> {
  refuseUnknown(options, keys);
  const { groups = Number.MAX_SAFE_INTEGER } = options;
  let firstGroup = Number(toUint64(options.firstGroup ?? 0, "first_group"));
  const end = firstGroup + Number(toUint64(groups, "groups"));
  while (firstGroup < end) {
    const request = { name, firstGroup, pageSize: Math.min(pageGroups, end - firstGroup) };
    const page = await connection.read(SweepService.method.getSweepBands, request, options);
    for (const { group, coordinates, runs, bands } of page.groups) {
      const measures = bands.flatMap(({ measure, points }) => {
        const known = fromMeasure(measure);
        const plain = points.map(({ $typeName: _, $unknown: __, step, ...point }) => ({
          ...point,
          step: fromUint64(step),
        }));
        return known === undefined ? [] : [[known, plain] as const];
      });
      yield {
        ...{ group, runs },
        coordinates: fromCoordinates(coordinates),
        measures: Object.fromEntries(measures),
      };
      throwIfCancelled(options.signal);
    }
    if (page.nextGroup === 0) return;
    firstGroup = page.nextGroup;
  }
}
