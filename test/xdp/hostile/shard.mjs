// A part of a campaign in a process of its own: its parent sends what `attack` takes, and gets what that answers.
import { fileURLToPath } from "node:url";
import { runnerImport } from "vite";

const path = fileURLToPath(new URL("./campaign.ts", import.meta.url));
const { module } = await runnerImport(path, { configFile: false, logLevel: "error" });
process.once("message", async ({ corpus, from, count, limits }) => {
  process.send(await module.attack(corpus, from, count, limits), () => process.disconnect());
});
