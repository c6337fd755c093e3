import { invalidField } from "./error.ts";

const defaultPort = 50_051;

/** host:port of what a person typed. Throws INVALID_FIELD. */
export function parseAddress(address: string): string {
  const match = /^(?<host>[\w.-]+|\[[\da-f:.]+\])(?::(?<port>\d{1,5}))?$/i.exec(address);
  const port = Number(match?.groups?.port ?? defaultPort);
  if (match !== null && port >= 1 && port <= 65_535) return `${match.groups!.host}:${port}`;
  throw invalidField("address", "must be host:port, such as localhost:50051", JSON.stringify(address));
}
