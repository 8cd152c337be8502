/**
 * How many bytes may follow each other without pause where nobody says so: what passes in 100 ms. More would tell in what passes in
 * seconds; TCP needs no more, as what is beyond waits.
 */
export const defaultBurst = (bitsPerSecond: number): number =>
  Math.round(Math.min(Math.max(15_000, (bitsPerSecond / 8) * 0.1), 64_000_000));
