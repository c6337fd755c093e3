import { expect, test } from "vitest";
import { Html, html } from "./html.ts";

test("values are escaped, in text and in attributes, unless they are markup", () => {
  const inner = html`<b>${"a < b"}</b>`;
  expect(String(html`<p title="${'"&'}">${[inner, "'", 5]}${new Html("<br>")}</p>`)).toBe(
    '<p title="&#34;&#38;"><b>a &#60; b</b>&#39;5<br></p>',
  );
});
