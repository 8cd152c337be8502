/** What varies from run to run of the seeded tests, in one place; `npm test` draws the seed and prints it. */

/** `npm run test:long`: thousands of seeds, millions of packets. */
export const long = process.env.JUNCTOR_TEST_LONG === "1";

/** The first seed of this run; JUNCTOR_TEST_SEED repeats it. */
export const seed = Number(process.env.JUNCTOR_TEST_SEED ?? Date.now() % 1_000_000);

/** `count` seeds from this run's on. One that fails, given as JUNCTOR_TEST_SEED, is the first of its run. */
export const seeds = (count: number): readonly number[] => Array.from({ length: count }, (_, index) => seed + index);
