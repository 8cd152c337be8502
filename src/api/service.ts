/** What the API serves: the gateway, the plane's channels, and the daemon around them. */
import type { Dataplane } from "../dataplane/contract.js";
import type { CallingGateway } from "../gateway/types.js";
import type { EventHub } from "./events.js";

export interface Service {
  readonly gateway: CallingGateway;
  readonly channels: Dataplane["channel"];
  /** What programs run on, and their maps. */
  readonly plane: Pick<Dataplane, "device" | "unit" | "program" | "map">;
  readonly events: EventHub;
  readonly daemon: DaemonControl;
}

export interface DaemonControl {
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  readonly configuration: {
    readonly file: string;
    /** When the configuration in use was read, milliseconds since the epoch. */
    readonly loaded: number;
    /** Why the last reload was refused. */
    readonly error: string | undefined;
  };
  /**
   * Reads the configuration file again and applies what differs; answers what changed, in words. Rejects with a
   * JunctorError of code `config` when the file is bad; the old configuration then stays in force.
   */
  reload(): Promise<readonly string[]>;
}
