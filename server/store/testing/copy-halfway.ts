import { copySteps } from "../copy-store.ts";
import { openForReading } from "../database.ts";

/** Begins to copy a store file, says so, and goes no further. */
const [, , from, to] = process.argv;
const copying = copySteps(openForReading(from!), to!, { onDamage: "fail" });
for (let row = 0; row < 4; row += 1) copying.next();
console.log("halfway");
setInterval(() => copying, 1_000);
