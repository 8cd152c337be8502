/** The command `junctor`. */
import { execute } from "./execute.js";

// Whoever reads our output may stop reading (`| head`): end as a program that SIGPIPE kills, without a word.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(128 + 13);
  throw error;
});

process.exitCode = await execute(process.argv.slice(2));
