import { Argument, Option } from "commander";
import { sessionName } from "./session-name.ts";
import { integer } from "./values.ts";

/** Arguments and options that several commands have. */

export function sessionArgument(): Argument {
  return new Argument("<session>", "ID or sessions/ID").argParser(sessionName);
}

export function atOption(what: string): Option {
  return new Option(
    "--at <step>",
    `${what} the snapshot at this step, in place of the present state`,
  ).argParser(integer);
}

export function expectedStepOption(): Option {
  return new Option("--expected-step <step>", "refuse unless the session is at this step").argParser(integer);
}

export function recordEveryOption(fallback: string): Option {
  return new Option("--record-every <steps>", `steps between progress points; else ${fallback}`).argParser(
    integer,
  );
}
