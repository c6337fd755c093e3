import type { ProgressPoint, Session, SessionInfo, Stage } from "@grokbox/sdk";
import { frames } from "../draw/frames.ts";
import { formatLink, type SessionLink, type Zoom } from "../link.ts";
import { Beginning } from "./beginning.ts";
import type { Box } from "./box.ts";
import { Changes } from "./changes.ts";
import { carrierAt } from "./point-at.ts";
import { PointAtStep } from "./point-at-step.ts";
import { ProgressWatch } from "./progress-watch.ts";
import { SnapshotSteps } from "./snapshot-list.ts";
import { stageAt } from "./stage-at.ts";
import { UnlistedSession } from "./unlisted-session.ts";
import { ZoomedPoints } from "./zoomed-points.ts";

/** The browser runs on the machine that trains, and every picture, half a screen laid out and painted, takes from the training. */
const isOwnMachine = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(location.hostname);

/** Points enough for a curve as wide as the screen, often enough for the eye to see it grow. */
const detail = { from: 1, maxPoints: 1_000, updatesPerSecond: isOwnMachine ? 2 : 10 };

/** How often the page is rendered for what is told of the session besides its progress. */
const infoEveryMs = isOwnMachine ? 2_000 : 500;

/**
 * What the page of one session shows: the session, its progress, and the step that is looked at. Everything on the page reads it here,
 * and so it all moves together; the address of the page says the same.
 */
export class SessionView extends Changes {
  readonly box: Box;
  /** sessions/{id} */
  readonly name: string;
  readonly watch: ProgressWatch;
  readonly snapshots: SnapshotSteps;
  readonly #unlisted: UnlistedSession;
  readonly #pinned: PointAtStep;
  readonly #zoomed: ZoomedPoints;
  readonly #beginning: Beginning;
  #link: SessionLink;
  #session: Promise<Session> | undefined;
  #stop: (() => void)[] = [];
  #state: SessionInfo["state"] | undefined;

  constructor(box: Box, link: SessionLink) {
    super();
    this.box = box;
    this.name = `sessions/${link.id}`;
    this.#link = link;
    this.watch = new ProgressWatch(box, this.name, detail);
    this.snapshots = new SnapshotSteps(() => this.session());
    this.#unlisted = new UnlistedSession(
      () => this.session(),
      (error) => box.problems.show(`Can't ask for ${link.id}`, error),
    );
    this.#pinned = new PointAtStep(async (firstStep, lastStep, signal) => {
      const { points } = await box.live.window(this.name, { firstStep, lastStep, signal });
      return points;
    });
    this.#zoomed = new ZoomedPoints(box.live, this.name);
    this.#beginning = new Beginning(box.live, this.name);
  }

  start(): void {
    const tell = () => this.tell();
    this.#stop = [
      this.watch.subscribe(() => {
        this.#look();
        this.tell();
      }),
      this.onInfo(() => this.#onSessions()),
      this.box.sessions.subscribe(() => this.#lookBeside()),
      () => frames.cancel(this.#tellOfInfo),
      this.snapshots.subscribe(tell),
      this.#pinned.subscribe(tell),
      this.#zoomed.subscribe(tell),
      this.#beginning.subscribe(tell),
    ];
    this.watch.start();
    this.#lookBeside();
    this.#look();
  }

  stop(): void {
    for (const stop of this.#stop.splice(0)) stop();
    this.watch.stop();
    this.#unlisted.stop();
    this.#pinned.stop();
    this.#zoomed.stop();
    this.#beginning.stop();
  }

  /** The list, once it is complete, hasn't those of sweeps. */
  #lookBeside(): void {
    const { sessions } = this.box;
    if (sessions.isComplete && sessions.get(this.name) === undefined && !this.watch.isDeleted)
      this.#unlisted.start();
  }

  /** Has `listener` called when more is known of the session. */
  onInfo(listener: () => void): () => void {
    const ends = [this.box.sessions.subscribe(listener), this.#unlisted.subscribe(listener)];
    return () => {
      for (const end of ends) end();
    };
  }

  /** What the answer to a call told. */
  put(info: SessionInfo): void {
    if (this.box.sessions.get(this.name) === undefined) this.#unlisted.put(info);
    else this.box.sessions.put(info);
  }

  /** What a person waits for is shown at once; that it is some steps further on is told by its progress. */
  #onSessions(): void {
    const state = this.info?.state;
    if (state === this.#state) frames.request(this.#tellOfInfo, infoEveryMs);
    else this.tell();
    this.#state = state;
  }

  readonly #tellOfInfo = (): void => this.tell();

  /** Undefined until the server has told of it, and when there is none of this name. */
  get info(): SessionInfo | undefined {
    return this.box.sessions.get(this.name) ?? this.#unlisted.info;
  }

  /** There is no session of this name, or not any more. */
  get isGone(): boolean {
    return this.watch.isDeleted || (this.info === undefined && this.#unlisted.isGone);
  }

  /** There is or was one: the list may have dropped it before the watch of its progress ends. */
  get wasThere(): boolean {
    return this.info !== undefined || this.watch.latest !== undefined;
  }

  get link(): SessionLink {
    return this.#link;
  }

  /** Changes what is shown, and the address with it. */
  show(
    changes: Partial<Omit<{ [K in keyof SessionLink]: SessionLink[K] | undefined }, "page" | "id">>,
  ): void {
    const link = { ...this.#link, ...changes };
    this.#link = Object.fromEntries(Object.entries(link).filter(([, value]) => value !== undefined)) as never;
    history.replaceState(null, "", formatLink(this.#link));
    this.#look();
    this.tell();
  }

  /** The address was changed by hand, or by going back. */
  follow(link: SessionLink): void {
    this.#link = link;
    this.#look();
    this.tell();
  }

  /** A handle, for calls. */
  session(): Promise<Session> {
    this.#session ??= this.box
      .connect()
      .then((grokbox) => grokbox.session(this.name))
      .catch((error: unknown) => {
        this.#session = undefined;
        throw error;
      });
    return this.#session;
  }

  /** The step looked back at; undefined for now. */
  get pinnedStep(): number | undefined {
    return this.#link.step;
  }

  get zoom(): Zoom | undefined {
    return this.#link.zoom;
  }

  /** The newest step that is known of. */
  get lastStep(): number {
    return Math.max(this.watch.latest?.step ?? 0, this.info?.step ?? 0);
  }

  /** The first recorded step. */
  get firstStep(): number {
    return this.watch.points[0]?.step ?? 0;
  }

  /** The step looked at, or, as long as there is nothing of it, the nearest that there is: what `point` is of. */
  get shownStep(): number {
    const { pinnedStep = this.lastStep, firstStep, lastStep } = this;
    return Math.min(Math.max(pinnedStep, firstStep), lastStep);
  }

  /** What was recorded at the step looked at: the last point at or before it, or the newest. */
  get point(): ProgressPoint | undefined {
    return this.pinnedStep === undefined ? this.watch.latest : this.#pinned.point;
  }

  /** The stage of that point, as is known by now. */
  get stage(): Stage | undefined {
    const { point, info } = this;
    return point === undefined ? undefined : (stageAt(info?.stages, point.step) ?? point.stage);
  }

  /** What the panels draw: of a zoom the exact points, else all that are held. */
  get points(): readonly ProgressPoint[] {
    return this.zoom === undefined ? this.#beginning.join(this.watch.points) : this.#zoomed.points;
  }

  /** That point, or the last one before it that is held and carries a measure which it doesn't. */
  carrierOf(
    point: ProgressPoint,
    value: (point: ProgressPoint) => number | undefined,
  ): ProgressPoint | undefined {
    return carrierAt(this.points, point, value);
  }

  #look(): void {
    const { epoch, points, stride } = this.watch;
    this.#pinned.look(this.pinnedStep, epoch, points);
    this.#zoomed.look(this.zoom, epoch, points);
    this.#beginning.look(epoch, points, stride);
  }
}
