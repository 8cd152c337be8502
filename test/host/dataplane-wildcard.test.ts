/** Ports bound to a wildcard address: what arrives tells where it was sent to, and answers leave from there. */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { openDataplane, type Punt } from "../../src/dataplane/index.js";
import { ffiMissing } from "../../src/system/index.js";
import { encodeData } from "../../src/wire/l2tp2.js";

const control = Buffer.from("c802000c0000000000000000", "hex");

describe.skipIf(ffiMissing() !== undefined)("a port on a wildcard address", () => {
  it.each([
    { any: "0.0.0.0:0", host: "127.0.0.2", type: "udp4", write: (port: number) => `127.0.0.2:${port}` },
    { any: "[::]:0", host: "::1", type: "udp6", write: (port: number) => `[::1]:${port}` },
  ] as const)("$any knows and chooses its address", async ({ any, host, type, write }) => {
    const plane = await openDataplane({ workers: 1, capacity: { sessions: 16 } });
    const peer = createSocket(type);
    try {
      const { port, local } = await plane.port.open({ local: any });
      const punts: Punt[] = [];
      plane.onPunt((batch) => punts.push(...batch));
      const heard: string[] = [];
      peer.on("message", (bytes, from) => heard.push(`${from.address} ${bytes.toString("hex")}`));
      peer.bind(0, type === "udp4" ? "127.0.0.1" : "::1");
      await once(peer, "listening");
      const number = Number(local.split(":").at(-1));
      const until = async (condition: () => boolean) => {
        for (let turn = 0; turn < 400 && !condition(); turn++) await sleep(5);
      };

      peer.send(control, number, host);
      await until(() => punts.length === 1);
      expect(punts).toMatchObject([{ origin: "port", port, local: write(number) }]);
      const [punt] = punts;
      if (punt?.origin !== "port") return expect.fail("no message came up");
      plane.inject({ to: "port", port, local: punt.local, remote: punt.remote, bytes: control });

      const remote = punt.remote;
      const ids = { tunnelId: 1, peerTunnelId: 2 };
      const { tunnel } = await plane.tunnel.create({ port, remote, local: write(number), ...ids });
      const { channel } = await plane.session.create({ tunnel, sessionId: 3, peerSessionId: 4 });
      plane.inject({ to: "channel", channel: channel!, bytes: Buffer.from("ppp") });
      await until(() => heard.length === 2);
      const data = Buffer.from(encodeData({ tunnelId: 2, sessionId: 4 }, Buffer.from("ppp"))).toString("hex");
      expect(heard).toEqual([`${host} ${control.toString("hex")}`, `${host} ${data}`]);
    } finally {
      peer.close();
      await plane.close();
    }
  });
});
