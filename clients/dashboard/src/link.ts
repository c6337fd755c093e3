/** What of the page a link brings back. What is left out is as it is by default. */
export type Link = { readonly page: "sessions" } | SessionLink | SweepLink;

export interface SessionLink {
  readonly page: "session";
  /** Of sessions/{id}. */
  readonly id: string;
  /** Looked back at; the present one by default. */
  readonly step?: number;
  /** First and last step shown; all by default. */
  readonly zoom?: Zoom;
  /** Steps on a linear axis. @default logarithmic */
  readonly linear?: boolean;
  /** Accuracy of the four classes of pairs. @default not shown */
  readonly classes?: boolean;
  /** The activation table. @default not shown */
  readonly table?: boolean;
}

export interface SweepLink {
  readonly page: "sweep";
  /** Of sweeps/{id}. */
  readonly id: string;
  /** Looked at closely, from 0; the first that there is anything of by default. */
  readonly group?: number;
}

export interface Zoom {
  readonly first: number;
  /** Greater than `first`. */
  readonly last: number;
}

const sweepPath = /^#\/sweeps\/([^/?#]+)$/;
const sessionPath = /^#\/sessions\/([^/?#]+)$/;
const integer = /^(0|[1-9]\d{0,14})$/;

/** From `location.hash`; what can't be read is left out, and the sessions are where one ends up with a link to nowhere. */
export function parseLink(hash: string): Link {
  const [path = "", query = ""] = hash.split("?", 2);
  const given = new URLSearchParams(query);
  const sweep = decoded(sweepPath.exec(path)?.[1]);
  if (sweep !== undefined) {
    const group = parseStep(given.get("group") ?? "");
    return { page: "sweep", id: sweep, ...(group === undefined ? {} : { group }) };
  }
  const id = decoded(sessionPath.exec(path)?.[1]);
  if (id === undefined) return { page: "sessions" };
  const step = parseStep(given.get("step") ?? "");
  const zoom = parseZoom(given.get("zoom") ?? "");
  return {
    page: "session",
    id,
    ...(step === undefined ? {} : { step }),
    ...(zoom === undefined ? {} : { zoom }),
    ...(given.get("axis") === "linear" ? { linear: true } : {}),
    ...(given.get("classes") === "1" ? { classes: true } : {}),
    ...(given.get("table") === "1" ? { table: true } : {}),
  };
}

/** For `location.hash`. */
export function formatLink(link: Link): string {
  if (link.page === "sessions") return "#/";
  if (link.page === "sweep") {
    const { id, group } = link;
    return `#/sweeps/${encodeURIComponent(id)}${group === undefined ? "" : `?group=${group}`}`;
  }
  const { id, step, zoom, linear, classes, table } = link;
  const query = [
    ...(step === undefined ? [] : [`step=${step}`]),
    ...(zoom === undefined ? [] : [`zoom=${zoom.first}-${zoom.last}`]),
    ...(linear ? ["axis=linear"] : []),
    ...(classes ? ["classes=1"] : []),
    ...(table ? ["table=1"] : []),
  ].join("&");
  return `#/sessions/${encodeURIComponent(id)}${query === "" ? "" : `?${query}`}`;
}

function parseStep(text: string): number | undefined {
  return integer.test(text) ? Number(text) : undefined;
}

function parseZoom(text: string): Zoom | undefined {
  const [first, last, ...rest] = text.split("-").map(parseStep);
  if (first === undefined || last === undefined || rest.length > 0 || last <= first) return undefined;
  return { first, last };
}

function decoded(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
