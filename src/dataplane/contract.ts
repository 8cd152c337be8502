/**
 * The data-plane contract: what the control plane asks of an engine, typed. It is the counterpart of the kernel's netlink
 * and ioctl interface for tunnels, sessions and PPP channels. Both engines implement it and pass the same test suite.
 *
 * Operations reject with `DataplaneError`, whose code is the errno name that Linux gives for the same mistake. When an
 * undoing operation (delete, unbridge, disconnect, close) resolves, no frame crosses the undone relation any more.
 */

import type { XdpMap } from "../xdp/maps/store.js";
import type { MapSpec } from "../xdp/spec.js";
import type * as attributes from "./attributes.js";
import type {
  ChannelState,
  CountersOf,
  DeviceState,
  PortState,
  RouteState,
  SessionState,
  TunnelState,
  UnitState,
} from "./attributes.js";
import type { HostCapabilities } from "./kernel-programs.js";

export interface Dataplane {
  readonly port: {
    /** A TUN port needs CAP_NET_ADMIN (EPERM); its interface must not be in use (EBUSY). */
    open(attributes: attributes.PortOpen | attributes.TunOpen): Promise<PortState>;
    close(key: attributes.PortKey): Promise<void>;
    get(key: attributes.PortKey): Promise<PortState>;
    list(): Promise<readonly PortState[]>;
  };
  readonly device: {
    get(key: attributes.DeviceKey): Promise<DeviceState>;
    list(): Promise<readonly DeviceState[]>;
    set(attributes: attributes.DeviceSet): Promise<DeviceState>;
    /** Has the host route a prefix to a TUN device, and no more. EEXIST, ESRCH: there is one already, there is none. */
    route(attributes: attributes.DevicePrefix): Promise<void>;
    unroute(attributes: attributes.DevicePrefix): Promise<void>;
    /** Has a program run on what enters or leaves devices. ENODEV: no such device (a pattern may fit none). */
    attach(attributes: attributes.DeviceAttach): Promise<attributes.AttachmentState>;
    /** Has another program run in its place: each frame meets the one or the other, whole. */
    replace(attributes: attributes.AttachmentReplace): Promise<attributes.AttachmentState>;
    /** When it resolves, the program runs on no frame any more. */
    detach(key: attributes.AttachmentKey): Promise<void>;
    /**
     * Attaches, replaces and detaches as if at once: where one of it is refused, nothing has changed, and no frame meets a part of it
     * on a device (in the kernel, where each program is a step of its own, what was done is undone). What is detached may be gone
     * already. Answers what was attached, in order.
     */
    change(change: attributes.AttachmentsChange): Promise<readonly attributes.AttachmentState[]>;
    attachments(): Promise<readonly attributes.AttachmentState[]>;
    /** What programs are told of a device's frames. */
    tag(attributes: attributes.DeviceTag): Promise<void>;
    /** Every device by name, as programs can be attached to it. */
    names(): Promise<readonly { readonly device: number; readonly name: string }[]>;
  };
  readonly program: {
    /** Loads programs of an object and its maps. EACCES: the verifier refuses one; the error says why, `log` all of it. */
    load(attributes: attributes.ProgramLoad): Promise<LoadedObject>;
    /** It stays until no attachment and no map holds it. */
    unload(key: attributes.ProgramKey): Promise<void>;
    get(key: attributes.ProgramKey): Promise<attributes.ProgramState>;
    list(): Promise<readonly attributes.ProgramState[]>;
    pin(attributes: attributes.ProgramPin): Promise<void>;
    /** Its instructions as text, source lines between them where the object tells them. */
    dump(key: attributes.ProgramKey): Promise<string>;
    /** Measures the time of runs from now on, or does not. */
    statistics(on: boolean): Promise<void>;
    /** Lines of bpf_trace_printk, and a line for each aborted run; bounded, what overflows is counted. */
    trace(listener: (lines: readonly ProgramTrace[]) => void): () => void;
  };
  readonly map: {
    create(attributes: attributes.MapCreate): Promise<attributes.MapState>;
    /** ENOENT: no such entry. */
    lookup(element: attributes.MapElement): Promise<Uint8Array>;
    update(entry: attributes.MapEntry): Promise<void>;
    delete(element: attributes.MapElement): Promise<void>;
    /** Its entries, at most `limit` of them from the one after `after` on. */
    dump(options: {
      readonly map: number;
      readonly after?: Uint8Array;
      readonly limit?: number;
    }): Promise<readonly MapDump[]>;
    /** Several entries at once; all that fit go in, the first error ends it. Answers how many went. */
    updateBatch(options: { readonly map: number; readonly entries: readonly MapDump[] }): Promise<number>;
    deleteBatch(options: { readonly map: number; readonly keys: readonly Uint8Array[] }): Promise<number>;
    get(key: attributes.MapKey): Promise<attributes.MapState>;
    list(): Promise<readonly attributes.MapState[]>;
    pin(attributes: attributes.MapPin): Promise<void>;
    /** Lets go of a map made by `create`; it stays while a program uses it. */
    release(key: attributes.MapKey): Promise<void>;
    /** Records of a ring buffer or perf event array, and frames redirected to an xskmap, as they come. */
    consume(key: attributes.MapKey, listener: (record: Uint8Array) => void): () => void;
    /** The map itself, for typed access; undefined where maps are another process's. */
    open(key: attributes.MapKey): XdpMap | undefined;
    /** What its keys and values look like, of the kernel's maps too; undefined where nothing tells. */
    shape(key: attributes.MapKey): MapShape | undefined;
  };
  readonly tunnel: {
    create(attributes: attributes.TunnelCreate): Promise<TunnelState>;
    modify(attributes: attributes.TunnelModify): Promise<TunnelState>;
    /** Deletes the tunnel's sessions first, and with them their channels' relations. */
    delete(key: attributes.TunnelKey): Promise<void>;
    get(key: attributes.TunnelKey): Promise<TunnelState>;
    list(): Promise<readonly TunnelState[]>;
  };
  readonly session: {
    create(attributes: attributes.SessionCreate): Promise<SessionState>;
    modify(attributes: attributes.SessionModify): Promise<SessionState>;
    /** Answers with the final counters, for accounting. */
    delete(key: attributes.SessionKey): Promise<CountersOf<"session">>;
    get(key: attributes.SessionKey): Promise<SessionState>;
    list(): Promise<readonly SessionState[]>;
  };
  readonly channel: {
    /**
     * Joins two channels in both directions (PPPIOCBRIDGECHAN). EALREADY: either one is bridged or connected to a unit, or
     * both are the same. ENXIO: no such channel.
     */
    bridge(attributes: attributes.ChannelBridge): Promise<void>;
    /** Parts a channel and its partner (PPPIOCUNBRIDGECHAN). EINVAL: it is not bridged. */
    unbridge(key: attributes.ChannelKey): Promise<void>;
    /** Connects a channel to a unit (PPPIOCCONNECT). EINVAL: connected already, or bridged. ENXIO: no such unit. */
    connect(attributes: attributes.ChannelConnect): Promise<void>;
    /** EINVAL: it is not connected (PPPIOCDISCONN). */
    disconnect(key: attributes.ChannelKey): Promise<void>;
    /** Copies of the channel's frames, both ways, are punted (origin `tap`); bounded, and never instead of the frame. */
    tap(attributes: attributes.ChannelTap): Promise<void>;
    get(key: attributes.ChannelKey): Promise<ChannelState>;
    list(): Promise<readonly ChannelState[]>;
  };
  readonly unit: {
    create(attributes: attributes.UnitCreate): Promise<UnitState>;
    set(attributes: attributes.UnitSet): Promise<UnitState>;
    /** Takes its routes with it and disconnects its channels. Answers with the final counters, for accounting. */
    delete(key: attributes.UnitKey): Promise<CountersOf<"unit">>;
    get(key: attributes.UnitKey): Promise<UnitState>;
    list(): Promise<readonly UnitState[]>;
  };
  /** Which unit a packet from the host goes to, and whose source addresses a unit may use. */
  readonly route: {
    /** EEXIST: the prefix is routed already. ENXIO: no such unit. */
    add(attributes: attributes.RouteAdd): Promise<void>;
    /** ESRCH: there is none. */
    delete(key: attributes.RouteKey): Promise<void>;
    /** The unit that an address is routed to; undefined: none. */
    lookup(address: string): number | undefined;
    list(): Promise<readonly RouteState[]>;
  };
  capabilities(): Capabilities;
  /** Frames dropped by reason since the engine was opened; a reason that never happened is absent. */
  drops(): Readonly<Record<string, number>>;
  /** Every event from now on, in the order in which it happened, until the iterator is returned or the engine closes. */
  events(): AsyncIterableIterator<DataplaneEvent>;
  /**
   * Frames for the control plane: L2TP control messages and the frames of channels that nothing takes. Called with a
   * batch; the bytes belong to the listener. The queue behind it is bounded and its overflow counted (`punt-overflow`).
   */
  onPunt(listener: (batch: readonly Punt[]) => void): void;
  /**
   * Queues a frame for transmission; everything queued in one turn of the event loop leaves in one batch. A channel or port
   * that is not there any more is counted among the drops (`inject-no-channel`, `inject-no-port`).
   */
  inject(frame: Inject): void;
  close(): Promise<void>;
}

export interface LoadedObject {
  readonly programs: readonly attributes.ProgramState[];
  readonly maps: readonly attributes.MapState[];
}

export interface ProgramTrace {
  readonly program: string;
  /** Device that the frame was on, 0: none. */
  readonly device: number;
  /** Microseconds since the epoch. */
  readonly time: number;
  readonly text: string;
}

export interface MapShape {
  readonly spec: MapSpec;
  /** How many values an entry of a per-CPU map has. */
  readonly cpus: number;
}

export interface MapDump {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
}

/** A frame that the data plane hands to the control plane. */
export type Punt =
  | {
      readonly origin: "port";
      readonly port: number;
      /** The address it was sent to, when the port is bound to a wildcard address. */
      readonly local: string | undefined;
      readonly remote: string;
      /** The UDP payload: a whole L2TP message. */
      readonly bytes: Uint8Array;
    }
  | {
      /** A PPP frame that nothing took, with its address and control bytes if the peer sent them. */
      readonly origin: "channel";
      readonly channel: number;
      readonly bytes: Uint8Array;
    }
  | {
      /**
       * A frame of a channel that is connected to a unit: everything but IP, and IPv6 to link-local and multicast addresses.
       * `channel` 0: it came in fragments of several.
       */
      readonly origin: "unit";
      readonly unit: number;
      readonly channel: number;
      readonly bytes: Uint8Array;
    }
  | {
      /** A copy of a frame of a tapped channel; `out`: we sent it. Microseconds since the epoch. */
      readonly origin: "tap";
      readonly channel: number;
      readonly direction: "in" | "out";
      readonly time: number;
      readonly bytes: Uint8Array;
    }
  | {
      /** An IP packet that a unit's peer sent to the host, where a TUN port is backed by the control thread. */
      readonly origin: "ip";
      readonly port: number;
      readonly unit: number;
      readonly bytes: Uint8Array;
    };

/** A frame that the control plane has the data plane transmit. */
export type Inject =
  | {
      readonly to: "port";
      readonly port: number;
      /** The source address to use, when the port is bound to a wildcard address. */
      readonly local?: string | undefined;
      readonly remote: string;
      readonly bytes: Uint8Array;
    }
  | { readonly to: "channel"; readonly channel: number; readonly bytes: Uint8Array }
  /** A PPP frame with address and control, over whichever channels the unit has. */
  | { readonly to: "unit"; readonly unit: number; readonly bytes: Uint8Array }
  /** An IP packet as if the host had routed it to this TUN port. */
  | { readonly to: "ip"; readonly port: number; readonly bytes: Uint8Array };

/** Why an object went away. */
export type DeleteReason = "deleted" | "parent-deleted" | "engine-closed";

export type DataplaneEvent =
  | { readonly type: "port-opened"; readonly port: number }
  | { readonly type: "port-closed"; readonly port: number; readonly reason: DeleteReason }
  | { readonly type: "tunnel-created"; readonly tunnel: number }
  | { readonly type: "tunnel-deleted"; readonly tunnel: number; readonly reason: DeleteReason }
  | { readonly type: "session-created"; readonly session: number; readonly channel: number | undefined }
  | { readonly type: "session-deleted"; readonly session: number; readonly reason: DeleteReason }
  | { readonly type: "channel-bridged"; readonly channel: number; readonly with: number }
  | {
      readonly type: "channel-unbridged";
      readonly channel: number;
      readonly with: number;
      readonly reason: DeleteReason;
    }
  | { readonly type: "channel-connected"; readonly channel: number; readonly unit: number }
  | {
      readonly type: "channel-disconnected";
      readonly channel: number;
      readonly unit: number;
      readonly reason: DeleteReason;
    }
  /** Data for this tunnel arrives from another port of the peer's address (NAT); at most one event a second and tunnel. */
  | { readonly type: "tunnel-float"; readonly tunnel: number; readonly remote: string }
  | { readonly type: "unit-created"; readonly unit: number }
  | { readonly type: "unit-deleted"; readonly unit: number; readonly reason: DeleteReason }
  | { readonly type: "program-loaded"; readonly program: number }
  | { readonly type: "program-unloaded"; readonly program: number; readonly reason: DeleteReason }
  | { readonly type: "program-attached"; readonly attachment: number }
  | { readonly type: "program-detached"; readonly attachment: number; readonly reason: DeleteReason }
  /** Stands where so many events were that this reader was too slow for. */
  | { readonly type: "lost"; readonly count: number };

/** What this engine can do on this machine; an operation outside of it answers EOPNOTSUPP. */
export interface Capabilities {
  readonly engine: "user" | "linux";
  readonly workers: number;
  readonly ports: readonly attributes.PortKind[];
  readonly segmentation: boolean;
  readonly tunnelVersions: readonly (2 | 3)[];
  readonly pseudowires: readonly attributes.Pseudowire[];
  /** Whether programs run on this engine's devices; and on the host's interfaces, in the kernel, or why not. */
  readonly programs: { readonly user: boolean; readonly kernel: HostCapabilities | string };
  /** Whether units can be given a TUN port backed by the host. */
  readonly tun: boolean;
  readonly limits: { readonly tunnels: number; readonly sessions: number; readonly units: number };
}
