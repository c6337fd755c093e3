import { type GrokboxError, invalid } from "../errors.ts";

/** A JSON value. Objects are Maps, so that no name has a meaning of its own: `__proto__` is a key like another. */
export type Json = null | boolean | number | string | readonly Json[] | ReadonlyMap<string, Json>;

/** Arrays and objects inside one another; neither a header nor a spec has more than 3. */
const maxDepth = 4;
/** Values in all, keys not counted; an explicit split has up to 39,601. */
const maxValues = 65_536;
/** Of them arrays and objects, which take a hundred times the memory of their text. A header of ours has 25. */
const maxContainers = 2_048;

/**
 * Parses JSON that anybody may have written (RFC 8259). Unlike `JSON.parse` it refuses duplicate keys, and what would
 * take much more memory than its text.
 *
 * @param field - what the text is, for errors
 * @throws GrokboxError INVALID_FIELD with the character at which it is wrong
 */
export function parseBoundedJson(text: string, field: string): Json {
  return new Parser(text, field).parse();
}

class Parser {
  readonly #text: string;
  readonly #field: string;
  readonly #token = /true|false|null|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
  #at = 0;
  #values = 0;
  #containers = 0;

  constructor(text: string, field: string) {
    this.#text = text;
    this.#field = field;
  }

  parse(): Json {
    const value = this.#value(1);
    if (this.#peek() !== undefined) throw this.#wrong("must end after its value");
    return value;
  }

  #value(depth: number): Json {
    if (++this.#values > maxValues) throw this.#wrong(`must be at most ${maxValues} values`);
    const next = this.#peek();
    if (next === '"') return this.#string();
    if (next !== "{" && next !== "[") return this.#numberOrWord();
    if (depth > maxDepth) throw this.#wrong(`must be nested at most ${maxDepth} deep`);
    if (++this.#containers > maxContainers) {
      throw this.#wrong(`must be at most ${maxContainers} arrays and objects`);
    }
    return next === "{" ? this.#object(depth) : this.#array(depth);
  }

  #object(depth: number): ReadonlyMap<string, Json> {
    const entries = new Map<string, Json>();
    this.#list("}", () => {
      if (this.#peek() !== '"') throw this.#wrong("must have a key in quotes");
      const key = this.#string();
      if (entries.has(key)) throw this.#wrong("must not have a key twice");
      if (this.#peek() !== ":") throw this.#wrong('must have ":" after a key');
      this.#at++;
      entries.set(key, this.#value(depth + 1));
    });
    return entries;
  }

  #array(depth: number): readonly Json[] {
    const values: Json[] = [];
    this.#list("]", () => values.push(this.#value(depth + 1)));
    return values;
  }

  /** Items between commas, from the opening bracket to `close`. */
  #list(close: string, item: () => void): void {
    this.#at++;
    if (this.#peek() === close) {
      this.#at++;
      return;
    }
    for (;;) {
      item();
      const next = this.#peek();
      if (next !== "," && next !== close) throw this.#wrong(`must have "," or "${close}" after an item`);
      this.#at++;
      if (next === close) return;
    }
  }

  #string(): string {
    const begin = this.#at;
    for (this.#at++; this.#at < this.#text.length; this.#at++) {
      const character = this.#text[this.#at];
      if (character === "\\") this.#at++;
      else if (character === '"') return this.#unescape(begin, ++this.#at);
    }
    throw this.#wrong("must end every string");
  }

  #unescape(begin: number, end: number): string {
    try {
      return JSON.parse(this.#text.slice(begin, end));
    } catch {
      this.#at = begin;
      throw this.#wrong("must have only valid strings");
    }
  }

  #numberOrWord(): Json {
    const begin = this.#at;
    this.#token.lastIndex = begin;
    // Not `exec`, whose result would be the greatest part of what parsing a long array takes.
    if (!this.#token.test(this.#text)) throw this.#wrong("must have a value");
    this.#at = this.#token.lastIndex;
    const token = this.#text.slice(begin, this.#at);
    if (token === "null") return null;
    return token === "true" || token === "false" ? token === "true" : Number(token);
  }

  /** The next character that isn't white space, without taking it. */
  #peek(): string | undefined {
    while (this.#at < this.#text.length && " \t\n\r".includes(this.#text[this.#at])) this.#at++;
    return this.#text[this.#at];
  }

  #wrong(must: string): GrokboxError {
    const at = Math.min(this.#at, this.#text.length);
    return invalid([{ field: this.#field, description: `${must}; at character ${at} of its JSON` }]);
  }
}
