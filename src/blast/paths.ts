/** The ways out of a transport, numbered: a socket and the address of a peer. */
export interface Path {
  readonly socket: number;
  readonly remote: string;
}

export interface Paths {
  readonly list: readonly Path[];
  indexOf(socket: number, remote: string): number;
}

export function createPaths(): Paths {
  const list: Path[] = [];
  const known = new Map<string, number>();
  return {
    list,
    indexOf(socket, remote) {
      const key = `${socket} ${remote}`;
      const found = known.get(key);
      if (found !== undefined) return found;
      known.set(key, list.length);
      return list.push({ socket, remote }) - 1;
    },
  };
}
