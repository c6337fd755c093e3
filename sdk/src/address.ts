import { invalidField } from "./error.ts";

const defaultPort = 50_051;
const defaultWebPort = 8_080;

/** host:port of what a person typed. Throws INVALID_FIELD. */
export function parseHostAndPort(address: string): string {
  const match = /^(?<host>[\w.-]+|\[[\da-f:.]+\])(?::(?<port>\d{1,5}))?$/i.exec(address);
  const port = Number(match?.groups?.port ?? defaultPort);
  if (match !== null && port >= 1 && port <= 65_535) return `${match.groups!.host}:${port}`;
  throw invalidField("address", "must be host:port, such as localhost:50051", JSON.stringify(address));
}

/**
 * The origin of a server's web port: of a URL with http: or https:, or of host:port, where no port stands for 8080. Throws INVALID_FIELD.
 */
export function parseOrigin(address: string): string {
  const isUrl = /^https?:\/\//i.test(address);
  const text = isUrl ? address : `http://${address}`;
  // URL.parse is not in Node 20.
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.host === "") {
    throw invalidField(
      "address",
      "must be a URL or host:port, such as http://localhost:8080",
      JSON.stringify(address),
    );
  }
  if (!isUrl && !/:\d+$/.test(address)) url.port = String(defaultWebPort);
  return url.origin;
}
