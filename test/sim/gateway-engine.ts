import { openDataplane } from "../../src/dataplane/index.js";
import type { SimulatedPlane } from "./gateway-plane.js";
import type { World } from "./gateway-world.js";

/** Room for what the scenes do; the memory is taken for each scene anew. */
const capacity = { tunnels: 256, sessions: 512, ports: 8 };

/** The user engine inline on the world's network and clock; its events tell what is left of what was made. */
export async function openEngine(world: World): Promise<SimulatedPlane> {
  const plane = await openDataplane({ inline: { network: world.virtual }, capacity });
  const left = { ports: 0, tunnels: 0, sessions: 0, operations: 0 };
  const objects = { port: "ports", tunnel: "tunnels", session: "sessions" } as const;
  void (async () => {
    for await (const { type } of plane.events()) {
      const [object = "", what = ""] = type.split("-");
      const name = objects[object as keyof typeof objects];
      if (name !== undefined && ["opened", "created"].includes(what)) left[name]++;
      if (name !== undefined && ["closed", "deleted"].includes(what)) left[name]--;
    }
  })();
  return {
    ...plane,
    left: () => ({ ...left }),
    refuse() {
      throw new Error("the engine refuses what it must");
    },
  };
}
