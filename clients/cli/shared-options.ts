import { Argument, Option } from "commander";
import { sessionName, stateName } from "./session-name.ts";
import { integer, label, uint32 } from "./values.ts";

/** Arguments and options that several commands have. */

export function sessionArgument(): Argument {
  return new Argument("<session>", "ID or sessions/ID").argParser(sessionName);
}

/** A session's present state, or one of its snapshots. */
export function stateArgument(): Argument {
  return new Argument("<session>", "ID for its present state, ID@STEP for a snapshot").argParser(stateName);
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
    uint32,
  );
}

export function engineOption(fallback: string): Option {
  return new Option("--engine <name>", `that computes its steps; else ${fallback}`);
}

export function labelOption(description: string): Option {
  return new Option("--label <key=value>", `${description}; may be repeated`).argParser(label);
}
