import { options as blastOptions } from "../../blast/options.js";
import type { ObjectSpec, Option } from "../grammar.js";

const options: readonly Option[] = blastOptions.map(({ name, value, default: standard, help }) => ({
  long: name,
  description: help,
  ...(value !== undefined && { value }),
  ...(standard !== undefined && { default: standard }),
}));

export const blastObject: ObjectSpec = {
  name: "blast",
  summary: "Load a switch with many tunnels, sessions and frames",
  commands: [
    {
      name: "",
      summary: "Load a switch with many tunnels, sessions and frames",
      details:
        "Plays many LACs and LNSs: sets up tunnels and sessions through a switch, sends PPP frames both ways, checks each one, tears down, and reports. Exits with 0 if every session came up and every frame arrived as it was sent.",
      options,
      verbatim: true,
      async run(context, { rest }) {
        const { blast } = await import("../../blast/main.js");
        return blast(context.json && !rest.includes("--json") ? ["--json", ...rest] : rest);
      },
    },
  ],
};
