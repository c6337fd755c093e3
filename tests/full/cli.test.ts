import { describe } from "vitest";

// Those of `npm test`, but with every command in a process of its own, which must end by itself.
process.env.COMMANDS_AS_PROCESSES = "1";

describe("the command line", () => import("../cli.test.ts").then(() => {}));
describe("what is durable", () => import("../cli-durable.test.ts").then(() => {}));
describe("sweeps", () => import("../cli-sweeps.test.ts").then(() => {}));
