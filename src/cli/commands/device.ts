import type { DeviceJson } from "../../api/schemas-programs.js";
import { type Column, orDash } from "../format.js";
import type { ObjectSpec } from "../grammar.js";
import { printAll } from "../listing.js";

const hooked =
  (hook: "ingress" | "egress") =>
  ({ programs }: DeviceJson): string => {
    const names = programs.filter((each) => each.hook === hook).map(({ name, program }) => `${name}(${program})`);
    return names.length === 0 ? "-" : names.join(" ");
  };

const columns: readonly Column<DeviceJson>[] = [
  { title: "INDEX", align: "right", cell: ({ device }) => orDash(device) },
  { title: "DEVICE", cell: ({ name }) => name },
  { title: "MTU", align: "right", cell: ({ mtu }) => orDash(mtu) },
  { title: "INGRESS", cell: hooked("ingress") },
  { title: "EGRESS", cell: hooked("egress") },
];

export const deviceObject: ObjectSpec = {
  name: "device",
  summary: "Devices that programs can run on: ports, channels, units",
  commands: [
    {
      name: "show",
      abbreviation: "list",
      summary: "List devices, and the programs on them in the order in which they run",
      details: "INDEX is what programs see as ingress_ifindex and what a devmap's entries name.",
      operands: [{ name: "DEVICE", optional: true, description: "one by name, or a pattern, as unit/*" }],
      examples: [{ command: "device show unit/*", says: "all units" }],
      async run(context, { operands: { device } }) {
        await printAll(context, "/v1/devices", device === undefined ? {} : { name: device }, columns);
        return 0;
      },
    },
  ],
};
