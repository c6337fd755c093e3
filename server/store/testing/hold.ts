import { openStore } from "../store.ts";

/** Opens the store of a directory, says so, and keeps it. */
const [, , directory, holder] = process.argv;
await openStore({ directory, holder: holder! });
console.log("open");
setInterval(() => {}, 1_000);
