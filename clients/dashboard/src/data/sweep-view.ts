import {
  GrokboxError,
  isReason,
  type Sweep,
  type SweepBands,
  type SweepInfo,
  type SweepRun,
} from "@grokbox/sdk";
import { SweepGroups } from "../../../cli/sweep-groups.ts";
import { formatLink, type SweepLink } from "../link.ts";
import type { Box } from "./box.ts";
import { Changes } from "./changes.ts";

/** For longer than this nobody looks before the server is told to stop sending. */
const patienceMs = 5_000;

/** Of a sweep that has ended nothing more is told: so often it is asked for while somebody looks, as it may be deleted. */
const askAgainMs = 10_000;

/** Bands are of all runs of a group, and asked for again at most so often while these finish. */
const bandsEveryMs = 2_000;

/** What the page of one sweep shows: how it goes, its finished runs as they come, and the bands of the group that is looked at. */
export class SweepView extends Changes {
  readonly box: Box;
  /** sweeps/{id} */
  readonly name: string;
  #link: SweepLink;
  #opening: Promise<Sweep> | undefined;
  #info: SweepInfo | undefined;
  #isGone = false;
  readonly #runs: SweepRun[] = [];
  #groups: SweepGroups | undefined;
  #next = 1;
  #following: AbortController | undefined;
  /** The sweep has ended, and with it what is followed. */
  #hasEnded = false;
  #stopListening: () => void = () => {};
  #patience: ReturnType<typeof setTimeout> | undefined;
  #bands: SweepBands | undefined;
  /** Of which group and how many of its runs the bands are, and when they were asked for. */
  #asked = { group: -1, runs: -1, ms: Number.NEGATIVE_INFINITY };
  #bandsTimer: ReturnType<typeof setTimeout> | undefined;

  constructor(box: Box, link: SweepLink) {
    super();
    this.box = box;
    this.#link = link;
    this.name = `sweeps/${link.id}`;
  }

  start(): void {
    document.addEventListener("visibilitychange", this.#onVisibility);
    // What comes back may be a server with other data.
    this.#stopListening = this.box.live.onState((state) => {
      if (state === "open") this.#onVisibility();
    });
    this.#onVisibility();
  }

  stop(): void {
    document.removeEventListener("visibilitychange", this.#onVisibility);
    this.#stopListening();
    clearTimeout(this.#patience);
    clearTimeout(this.#bandsTimer);
    this.#following?.abort();
    this.#following = undefined;
  }

  /** Undefined until the server has told of it, and when there is none of this name. */
  get info(): SweepInfo | undefined {
    return this.#info;
  }

  /** It was deleted, or there has never been one. */
  get isGone(): boolean {
    return this.#isGone;
  }

  /** In the order in which they finished. */
  get runs(): readonly SweepRun[] {
    return this.#runs;
  }

  get groups(): SweepGroups | undefined {
    return this.#groups;
  }

  get link(): SweepLink {
    return this.#link;
  }

  /** The group that is looked at: that of the link, or the first of which there is something to see. */
  get group(): number | undefined {
    const all = this.#groups?.all ?? [];
    return this.#link.group ?? (all.find(({ trainLoss }) => trainLoss.length > 0) ?? all[0])?.group;
  }

  /** Of that group, as far as its runs have finished; undefined before the first has. */
  get bands(): SweepBands | undefined {
    return this.#bands?.group === this.group ? this.#bands : undefined;
  }

  /** The address was changed. */
  follow(link: SweepLink): void {
    this.#link = link;
    this.#lookAtBands();
    this.tell();
  }

  /** Looks at another group, and has the address say so. */
  show(group: number): void {
    this.#link = { ...this.#link, group };
    history.replaceState(null, "", formatLink(this.#link));
    this.#lookAtBands();
    this.tell();
  }

  /** Does something to the sweep for a person. */
  async change(what: string, call: (sweep: Sweep) => Promise<SweepInfo>): Promise<void> {
    const info = await this.box.attempt(what, async () => call(await this.#open()));
    if (info === undefined) return;
    this.#learn(info);
    this.box.announcer.say(`The sweep is ${info.state}.`);
  }

  readonly #onVisibility = (): void => {
    clearTimeout(this.#patience);
    if (!document.hidden) void this.#follow();
    else {
      this.#patience = setTimeout(() => {
        this.#following?.abort();
        this.#following = undefined;
      }, patienceMs);
    }
  };

  #open(): Promise<Sweep> {
    this.#opening ??= this.box
      .connect()
      .then((grokbox) => grokbox.openSweep(this.name))
      .catch((error: unknown) => {
        this.#opening = undefined;
        throw error;
      });
    return this.#opening;
  }

  async #follow(): Promise<void> {
    if ((this.#following !== undefined && !this.#hasEnded) || this.#isGone) return;
    this.#following ??= new AbortController();
    this.#hasEnded = false;
    const { signal } = this.#following;
    try {
      const sweep = await this.#open();
      if (signal.aborted) return;
      this.#groups ??= new SweepGroups(sweep.info);
      this.#learn(sweep.info);
      if (this.#runs.length > 0) this.#lookAtBands();
      for await (const event of sweep.watch({ from: this.#next, signal })) {
        if (event.kind === "run") this.#take(event);
        else this.#learn(sweep.info);
      }
      if (signal.aborted) return;
      this.#hasEnded = true;
      clearTimeout(this.#patience);
      this.#patience = setTimeout(this.#onVisibility, askAgainMs);
    } catch (error) {
      if (signal.aborted) return;
      if (isReason(error, "SWEEP_NOT_FOUND") || isReason(error, "INVALID_FIELD")) {
        this.#lose();
        return;
      }
      this.#following = undefined;
      if (isDown(error)) {
        this.#patience = setTimeout(this.#onVisibility, patienceMs);
        return;
      }
      this.box.problems.show(`Can't follow ${this.#link.id}`, error);
    }
  }

  #lose(): void {
    this.#isGone = true;
    this.tell();
  }

  #take(run: SweepRun): void {
    this.#next = run.sequence + 1;
    this.#runs.push(run);
    this.#groups!.add(run);
    this.#lookAtBands();
    this.tell();
  }

  #learn(info: SweepInfo): void {
    this.#info = info;
    this.tell();
  }

  readonly #lookAtBands = (): void => {
    const { group } = this;
    const runs = group === undefined ? undefined : this.#groups?.get(group)?.done;
    if (group === undefined || runs === undefined) return;
    const before = this.#asked;
    if (before.group === group && before.runs === runs) return;
    const waitMs = before.group === group ? before.ms + bandsEveryMs - performance.now() : 0;
    clearTimeout(this.#bandsTimer);
    if (waitMs > 0) this.#bandsTimer = setTimeout(this.#lookAtBands, waitMs);
    else void this.#askForBands(group, runs);
  };

  async #askForBands(group: number, runs: number): Promise<void> {
    const asked = { group, runs, ms: performance.now() };
    this.#asked = asked;
    const { signal } = this.#following ?? {};
    try {
      const sweep = await this.#open();
      for await (const bands of sweep.bands({ firstGroup: group, groups: 1, signal })) this.#takeBands(bands);
      this.tell();
    } catch (error) {
      if (this.#asked !== asked) return;
      // Nothing was answered, and so it is asked for again.
      this.#asked = { ...asked, runs: -1 };
      if (signal?.aborted || this.#isGone) return;
      if (isReason(error, "SWEEP_NOT_FOUND")) this.#lose();
      else if (!isDown(error)) this.box.problems.show("Can't ask for the bands", error);
      else if (signal !== undefined) this.#bandsTimer = setTimeout(this.#lookAtBands, bandsEveryMs);
    }
  }

  /** Another group may be looked at by now, or a later answer have come first. */
  #takeBands(bands: SweepBands): void {
    const isOlder = this.#bands?.group === bands.group && this.#bands.runs > bands.runs;
    if (this.#asked.group === bands.group && !isOlder) this.#bands = bands;
  }
}

function isDown(error: unknown): boolean {
  return error instanceof GrokboxError && error.code === "UNAVAILABLE";
}
