/**
 * Steps at which to keep snapshots of a run, so that one can look back at its weights anywhere: closer together where more happens, at
 * the beginning, by about a thirtieth of the way made; all multiples of a hundred, or of ten before 500.
 *
 * @param total - steps of the run
 * @param most - snapshots that the server keeps
 * @returns increasing, at most `most`, with `total` the last; 0 is none of them, as no schedule can ask for it
 */
export function snapshotSteps(total: number, most: number): number[] {
  for (let nearness = 30; ; nearness /= 1.5) {
    const steps: number[] = [];
    for (let step = 10; step < total; step = after(step, nearness)) steps.push(step);
    steps.push(total);
    if (steps.length <= most || nearness < 1) return steps.slice(-most);
  }
}

function after(step: number, nearness: number): number {
  const grain = step < 500 ? 10 : 100;
  return Math.floor((step + Math.max(grain, step / nearness)) / grain) * grain;
}
