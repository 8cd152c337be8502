import type { Namespace } from "./netns.js";
import { run, start } from "./process.js";

/** This machine itself, for tests whose traffic stays on loopback and that need no privilege. */
export const here: Namespace = {
  name: "here",
  command: (argv) => [...argv],
  start: (argv, { binds = [], ...options } = {}) => {
    if (binds.length > 0) throw new Error("mounts need a namespace of the test's own");
    return start(argv, options);
  },
  run: (argv, options) => run([...argv], options),
};
