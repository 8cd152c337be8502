/** A record of the ring buffer `samples`. */
export interface Sample {
  /** Nanoseconds of the machine's steady clock. */
  readonly time: bigint;
  readonly device: number;
  readonly session: number;
  readonly user: number;
  /** Frames that it stands for. */
  readonly rate: number;
  /** Bytes of the whole frame. */
  readonly length: number;
  /** Its first bytes. */
  readonly data: Uint8Array;
}
export function decodeSample(bytes: Uint8Array): Sample;
/** The beginning of a pcapng file: interface 0 has Ethernet frames, interface 1 PPP frames. */
export function pcapngHeader(): Uint8Array;
export function pcapngPacket(sample: Sample): Uint8Array;
