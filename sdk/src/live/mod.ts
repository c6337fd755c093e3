/**
 * Live progress over one WebSocket to a server's web port, thinned out to what a viewer has use for. For pages and for Node; a script that
 * wants every point can as well use `Session.watch` of `@grokbox/sdk`.
 *
 * @module
 */

export type { LinkState } from "./link.ts";
export { Live, type LiveOptions } from "./live.ts";
export type { LiveBatch, LiveProgress, LiveWatchOptions } from "./progress.ts";
export { ProgressSeries } from "./progress-series.ts";
export type { LiveSessionsOptions, SessionsChange } from "./sessions.ts";
export type { LiveWindow, LiveWindowOptions } from "./window.ts";
