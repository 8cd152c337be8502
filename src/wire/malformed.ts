/** Why some bytes are not what they should be. A value, not an exception: hostile input is an ordinary event. */
export interface Malformed {
  readonly malformed: string;
  readonly reason: string;
  readonly value: number;
}

export const malformed = (layer: string, reason: string, value: number): Malformed => ({
  malformed: layer,
  reason,
  value,
});

export const isMalformed = (x: object): x is Malformed => "malformed" in x;
