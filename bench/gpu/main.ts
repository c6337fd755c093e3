import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { openCpuEngine } from "../../server/engine/cpu/cpu-engine.ts";
import { largestCohort } from "../../server/engine/webgpu/plan.ts";
import { openWebGpuEngine } from "../../server/engine/webgpu/webgpu-engine.ts";
import { Card } from "./card.ts";
import { type Check, checkAuto, checkBits, checkOracle, checkPublished, checkShapes } from "./checks.ts";
import { measurePeers, type PeerRow } from "./peers.ts";
import { countsReport, type GpuResults, reportOf } from "./report.ts";
import { type GpuSpeed, measureSpeeds } from "./speeds.ts";
import { tune } from "./tune.ts";
import { tuningLine } from "./tuning-line.ts";

const usage = `npm run bench:gpu -- [options]

Checks the webgpu engine on this machine's GPU, against float64, itself and the published runs, and which engine auto chooses, and measures it beside PyTorch and JAX on the
same card, in less than 8 minutes. Needs nothing but a driver with Vulkan; the peers need a Python that has them.

  --json               print one JSON object
  --report FILE        write the results for people, Markdown
  --python PATH        where the peers run (default python3)
  --peer-seconds n     after these no peer is begun; 0 for none (default 150)
  --seconds n          of each measurement (default 1)
  --counts             print what each kernel has to do, and the time that takes at least on a large card; needs no GPU
  --kernels            time each kernel by the card's clock instead, what it takes to encode and submit a pass, and passes in submissions that
                       follow each other; and count the workgroups that the card runs at once, by their memory; --members as below
  --tune               look for better ways to cut up the kernels instead, list by list, with a star what is kept of each, and at the end the
                       best beside the default; --members n, also more than once: for so many networks side by side (default 1, 8, 64
                       and 128, of which more are submitted in turns), and then for p = 97, M = 9,107
  --wide               of --kernels and --tune only the latter
  --software           also on an adapter that computes on the CPU: very slow`;

/** Of workgroup memory, of which it is seen how many run at once. */
const workgroupKilobytes = [1, 8, 9, 10, 12, 14, 15, 16, 18, 20, 24, 28, 32, 40, 43, 48];

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
    report: { type: "string" },
    python: { type: "string", default: "python3" },
    "peer-seconds": { type: "string", default: "150" },
    seconds: { type: "string", default: "1" },
    counts: { type: "boolean", default: false },
    kernels: { type: "boolean", default: false },
    tune: { type: "boolean", default: false },
    members: { type: "string", multiple: true, default: ["1", "8", "64", "128"] },
    wide: { type: "boolean", default: false },
    software: { type: "boolean", default: false },
  },
});

const seconds = Number(values.seconds);

if (values.help) console.log(usage);
else if (values.counts) console.log(countsReport());
else if (!(Number.isFinite(seconds) && seconds > 0))
  refuse(`--seconds must be a number above 0, got ${values.seconds}`);
else if (values.tune || values.kernels) await look();
else await main();

function refuse(reason: string): void {
  console.error(reason);
  process.exitCode = 2;
}

async function look(): Promise<void> {
  const members = values.wide ? [] : values.members.map(Number);
  if (members.some((count) => !(Number.isInteger(count) && count >= 1 && count <= largestCohort)))
    refuse(`--members must be 1 to ${largestCohort}, got ${values.members.join(", ")}`);
  else if (values.kernels) await showKernels(members);
  else await showTuning(members);
}

async function showKernels(members: readonly number[]): Promise<void> {
  const card = await Card.open(values.software);
  show(card.info.adapter);
  const small = { p: 23, width: 512 };
  for (const [shape, count] of [
    ...members.map((count) => [small, count] as const),
    [{ p: 97, width: 9107 }, 1] as const,
  ]) {
    const { bits: _, ...times } = await card.measure(shape, count, 1000 * seconds);
    if (values.json) console.log(JSON.stringify({ ...shape, members: count, ...times }));
    const each = times.kernels.map(
      ({ name, busy, idle }) => `${name} ${busy.toFixed(1)} (${idle.toFixed(1)} idle)`,
    );
    show(
      `p ${shape.p}, M ${shape.width}, ${count}: ${times.pass.toFixed(2)} us a pass; ${each.join(", ")}; encoded in ${times.encode.toFixed(1)}, submitted in ${times.submit.toFixed(1)}; ${times.fed.toFixed(2)} in submissions that follow each other`,
    );
  }
  for (const kilobytes of workgroupKilobytes) {
    if (1024 * kilobytes > card.info.limits.memoryBytes) break;
    const workgroups = await card.atOnce(1024 * kilobytes);
    if (values.json) console.log(JSON.stringify({ kilobytes, workgroups }));
    else console.log(`${kilobytes} KB a workgroup: ${workgroups} at once`);
  }
  card.destroy();
}

async function showTuning(members: readonly number[]): Promise<void> {
  for await (const told of tune({ allowSoftware: values.software, seconds, members })) {
    console.log(values.json ? JSON.stringify(told) : tuningLine(told));
    const { best, default: usual } = told.outcome ?? {};
    if (told.kept?.hasFailed || best?.failure || usual?.failure) process.exitCode = 1;
  }
}

function show(text: string): void {
  if (!values.json) console.log(text);
}

async function main(): Promise<void> {
  const results = await measureAll();
  if (values.json) console.log(JSON.stringify(results));
  if (values.report !== undefined) writeFileSync(values.report, reportOf(results));
  show(`\n${reportOf(results)}`);
  if (results.checks.some(({ passed }) => !passed)) process.exitCode = 1;
}

async function measureAll(): Promise<GpuResults> {
  const evaluator = await openCpuEngine({ threads: 1 });
  const engine = await openWebGpuEngine({ evaluator, allowSoftware: values.software });
  try {
    show(engine.device);
    const checks: Check[] = [];
    const note = (check: Check) => {
      checks.push(check);
      show(`${check.passed ? "ok    " : "FAILED"} ${check.what}: ${check.detail}`);
    };
    for await (const check of checkOracle(engine)) note(check);
    for await (const check of checkBits(engine)) note(check);
    note(await checkShapes(engine));
    for await (const check of checkPublished(engine)) note(check);
    note(await checkAuto(values.software));
    const speeds: GpuSpeed[] = [];
    const deviceBytes = async () => (await engine.info()).bytes;
    for await (const speed of measureSpeeds(engine, deviceBytes, seconds)) {
      speeds.push(speed);
      show(
        `p ${speed.p}, M ${speed.width}, ${speed.cohort} side by side: ${speed.stepsPerSecond.toFixed(0)} steps/s`,
      );
    }
    const peers: PeerRow[] = [];
    const peerSeconds = Number(values["peer-seconds"]);
    for await (const row of peerSeconds > 0 ? measurePeers(values.python, peerSeconds) : []) {
      peers.push(row);
      show(`${row.framework} ${row.style}, p ${row.p}: ${row.stepsPerSecond?.toFixed(0) ?? row.error}`);
    }
    const told = process.argv
      .slice(2)
      .filter((word, i, all) => !/^--report/.test(word) && all[i - 1] !== "--report");
    const command = `npm run bench:gpu -- ${told.join(" ")}`.trim();
    return { date: new Date().toISOString(), command, device: engine.device, checks, speeds, peers };
  } finally {
    await engine.close();
    await evaluator.close();
  }
}
