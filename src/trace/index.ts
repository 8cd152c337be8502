/** What went over the wire, for people: frames and messages as lines of text, and as files that Wireshark reads. */
export { concealL2tp, concealPpp } from "./conceal.js";
export { decodeL2tp } from "./l2tp.js";
export { createPcapng, type PcapngOptions } from "./pcapng.js";
export { decodePpp } from "./ppp.js";
