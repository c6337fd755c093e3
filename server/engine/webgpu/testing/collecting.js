import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

// In a thread that this is imported by, garbage is collected all the time.

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc");
setInterval(collect, 1).unref();
