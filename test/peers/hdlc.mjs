// PPP in asynchronous HDLC-like framing (RFC 1662), as a pty between xl2tpd and pppd carries it.

const flagByte = 0x7e;
const escapeByte = 0x7d;

/** The 16-bit frame check sequence (RFC 1662 appendix C); 0xf0b8 over a frame with its own at the end. */
export function fcs16(bytes) {
  let fcs = 0xffff;
  for (const byte of bytes) {
    fcs ^= byte;
    for (let bit = 0; bit < 8; bit++) fcs = fcs & 1 ? (fcs >> 1) ^ 0x8408 : fcs >> 1;
  }
  return fcs;
}

/** A frame as it goes on the line: FCS appended, all control characters escaped, flags around it. */
export function frame(bytes) {
  const check = fcs16(bytes) ^ 0xffff;
  const line = [flagByte];
  for (const byte of [...bytes, check & 0xff, check >> 8]) {
    if (byte < 0x20 || byte === flagByte || byte === escapeByte) line.push(escapeByte, byte ^ 0x20);
    else line.push(byte);
  }
  line.push(flagByte);
  return Buffer.from(line);
}

/** Calls `deliver` with each frame whose FCS is right, `reject` with each other; feed it what the line delivers. */
export function deframer(deliver, reject) {
  let bytes = [];
  let escaped = false;
  return (chunk) => {
    for (const byte of chunk) {
      if (byte === flagByte) {
        if (bytes.length >= 4 && fcs16(bytes) === 0xf0b8) deliver(Buffer.from(bytes.slice(0, -2)));
        else if (bytes.length > 0) reject(Buffer.from(bytes));
        bytes = [];
        escaped = false;
      } else if (byte === escapeByte) escaped = true;
      else {
        bytes.push(escaped ? byte ^ 0x20 : byte);
        escaped = false;
      }
    }
  };
}
