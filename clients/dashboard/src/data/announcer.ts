import { Changes } from "./changes.ts";

/** What is said to those who don't see the page: changes of state and stage, and that something was done. */
export class Announcer extends Changes {
  #text = "";

  get text(): string {
    return this.#text;
  }

  say(text: string): void {
    this.#text = text;
    this.tell();
  }
}
