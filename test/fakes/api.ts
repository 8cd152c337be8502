/** An API server over a fake gateway, on a Unix socket in a directory of its own. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createApp } from "../../src/api/app.js";
import { createEventHub } from "../../src/api/events.js";
import { listen } from "../../src/api/listen.js";
import type { Service } from "../../src/api/service.js";
import { JunctorError } from "../../src/errors.js";
import { call, type FakeGateway, fakeChannels, fakeGateway, sessionView, tunnelView } from "./gateway.js";

export interface FakeService extends Service {
  readonly gateway: FakeGateway;
  /** What the next reloads answer. */
  badConfiguration: boolean;
}

const none = async () => [];

/** A plane without programs; what else is asked of it, tests do not ask. */
const noPrograms = {
  program: { list: none },
  device: { list: none, names: none, attachments: none },
  unit: { list: none },
  map: { list: none },
} as unknown as Service["plane"];

/** Two tunnels, one from a LAC and one to an LNS, whose sessions 7/1 and 9/2 are bridged, and 7/3 by itself. */
export function fakeService(plane: Service["plane"] = noPrograms): FakeService {
  const channels = fakeChannels([1, 2, 3]);
  const gateway = fakeGateway(
    [tunnelView(9, "onward"), tunnelView(7, "access", { calls: 2 })],
    [
      sessionView(7, 3, { userName: undefined, state: "wait-connect", channel: undefined }),
      sessionView(9, 2, { side: "onward", role: "lac", bridgedWith: call(7, 1) }),
      sessionView(7, 1, { bridgedWith: call(9, 2) }),
    ],
    channels,
  );
  const service: FakeService = {
    gateway,
    channels,
    plane,
    events: createEventHub(gateway.events(), { queue: 16, now: () => Date.UTC(2026, 0, 2) }),
    badConfiguration: false,
    daemon: {
      version: "0.1.0",
      since: Date.UTC(2026, 0, 2),
      configuration: { file: "junctor.yaml", loaded: Date.UTC(2026, 0, 2), error: undefined },
      async reload() {
        if (service.badConfiguration) throw new JunctorError("config", "junctor.yaml:1:1: acess: unknown key");
        return ["access1 opened"];
      },
    },
  };
  return service;
}

/** Serves it; `close` removes everything. */
export async function serveFake(service: FakeService): Promise<{ socket: string; close(): Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), "junctor-api-"));
  const socket = join(directory, "api.sock");
  const listener = await listen(createApp(service, { onError: console.error }), { path: socket });
  return {
    socket,
    async close() {
      service.events.close();
      await service.gateway.stop(0);
      await listener.close(0);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
