import type { IncomingMessage } from "node:http";
import { hostname } from "node:os";
import { expect, test } from "vitest";
import { isFromHere } from "./origin.ts";

const from = (origin: string | undefined, host: string | undefined, allowed: readonly string[] = []) =>
  isFromHere({ headers: { origin, host } } as IncomingMessage, allowed);

test("a page of the server itself may act, by whatever name that is certainly this machine's", () => {
  const hosts = [
    "localhost:8080",
    "grokbox.localhost:8080",
    "127.0.0.1:8080",
    "192.168.0.7:8080",
    "192.168.0.7",
    "[::1]:8080",
    "[fe80::1]:8080",
    `${hostname().toLowerCase()}:8080`,
  ];
  for (const host of hosts) {
    expect(from(`http://${host}`, host), host).toBe(true);
    expect(from(`https://${host}`, host), host).toBe(true);
  }
  expect(from("http://localhost:8080", "LOCALHOST:8080")).toBe(true);
});

test("what is no browser's page names no origin, and may act", () => {
  expect(from(undefined, "anything:8080")).toBe(true);
});

test("a page of another origin may not, however alike", () => {
  const host = "localhost:8080";
  const others = [
    "http://localhost",
    "http://localhost:8081",
    "http://evil.example",
    "http://localhost.evil.example:8080",
    "http://evil.example/localhost:8080",
    "null",
    "",
    "file://",
    "chrome-extension://localhost:8080",
    "http://",
    "http://[",
    "http://localhost:8080@evil.example",
  ];
  for (const origin of others) expect(from(origin, host), origin).toBe(false);
  expect(from("http://localhost:8080", undefined)).toBe(false);
});

test("a name that a stranger points here may not, though the request went to it", () => {
  const names = [
    "evil.example",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    `${hostname()}.evil.example`,
    "notlocalhost",
    "1.2.3.4.5",
  ];
  for (const name of names) expect(from(`http://${name}:8080`, `${name}:8080`), name).toBe(false);
});

test("an origin that is allowed by name may, and only it", () => {
  const allowed = ["https://box.lab.example", "http://other:99"];
  expect(from("https://box.lab.example", "10.0.0.1:8080", allowed)).toBe(true);
  expect(from("http://other:99", "other:99", allowed)).toBe(true);
  expect(from("http://box.lab.example", "10.0.0.1:8080", allowed)).toBe(false);
  expect(from("https://box.lab.example:444", "10.0.0.1:8080", allowed)).toBe(false);
  expect(from("https://box.lab.example.evil", "10.0.0.1:8080", allowed)).toBe(false);
});
