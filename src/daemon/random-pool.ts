type RandomBytes = (length: number) => Uint8Array;

const size = 4096;

/** The same bytes from the same source, each once, asked for in large portions: a call for each few of them costs more. */
export function pooled(random: RandomBytes): RandomBytes {
  let pool = new Uint8Array(0);
  let at = 0;
  return (length) => {
    if (length > size) return random(length);
    if (at + length > pool.length) {
      pool = new Uint8Array(random(size));
      at = 0;
    }
    at += length;
    return pool.subarray(at - length, at);
  };
}
