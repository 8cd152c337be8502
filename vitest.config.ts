import { defineConfig } from "vitest/config";

// Tests that take over the machine (real sockets under load, namespaces, guests) run one file at a time, after the rest.
export default defineConfig({
  test: {
    testTimeout: 30_000,
    hookTimeout: 120_000,
    projects: [
      {
        extends: true,
        test: {
          name: "unit",
          include: ["src/**/*.test.ts", "test/{sim,conformance,structure}/**/*.test.ts"],
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          name: "host",
          include: ["test/{host,interop,lab}/**/*.test.ts"],
          sequence: { groupOrder: 2 },
          fileParallelism: false,
          maxWorkers: 1,
        },
      },
    ],
  },
});
