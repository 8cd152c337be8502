import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { requires } from "../peers/requires.js";
import { controlMessages } from "../peers/tshark.js";
import { temporaryDirectory, undoStack } from "../peers/undo.js";

const title = "tshark as a judge of control messages";
const { reason } = requires(title, ["tshark"]);

/** A pcap file of IPv4 packets (link type 101) with UDP from port 1701 to port 1701. */
function pcap(payloads: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65_535, 16);
  header.writeUInt32LE(101, 20);
  return Buffer.concat([header, ...payloads.flatMap((payload) => packet(payload))]);
}

function packet(payload: Buffer): Buffer[] {
  const length = 28 + payload.length;
  const ip = Buffer.from([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2]);
  ip.writeUInt16BE(length, 2);
  const udp = Buffer.alloc(8);
  udp.writeUInt16BE(1701, 0);
  udp.writeUInt16BE(1701, 2);
  udp.writeUInt16BE(8 + payload.length, 4);
  const record = Buffer.alloc(16);
  record.writeUInt32LE(length, 8);
  record.writeUInt32LE(length, 12);
  return [record, ip, udp, payload];
}

const control = (avps: string, length = 12 + avps.length / 2): Buffer =>
  Buffer.from(`c802${length.toString(16).padStart(4, "0")}0007000000010002${avps}`, "hex");

const stopCcn = "8008000000000004";
const assignedTunnel = "80080000000900ff";
const resultCode = "800a0000000100060000";

describe.skipIf(reason !== undefined)(title, () => {
  const undo = undoStack();
  afterAll(() => undo.run());

  async function judge(...payloads: Buffer[]) {
    const file = join(temporaryDirectory(undo, "judge"), "judge.pcap");
    writeFileSync(file, pcap(payloads));
    return controlMessages(file);
  }

  it("finds nothing wrong with a StopCCN and a ZLB", async () => {
    expect(await judge(control(stopCcn + assignedTunnel + resultCode), control(""))).toMatchObject([
      { source: "192.0.2.1", destination: "192.0.2.2", messageType: 4, tunnel: 7, session: 0, ns: 1, nr: 2, hidden: 0 },
      { messageType: undefined, complaints: [] },
    ]);
  });

  it.each([
    ["an AVP longer than the message", control(`${stopCcn}80ff0000000900ff`)],
    ["an AVP shorter than its header", control(`${stopCcn}800200000009`)],
    ["a length beyond the datagram", control(stopCcn, 60)],
    ["a message that ends in the middle of an AVP", control(`${stopCcn}8008`)],
    ["no L2TP at all", Buffer.from("00", "hex")],
  ])("complains of %s", async (_what, payload) => {
    const [message] = await judge(payload);
    expect(message?.complaints).not.toEqual([]);
  });
});
