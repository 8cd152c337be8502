/** Goes through many objects in slices, between which the event loop sees to what else there is. */
import { setImmediate as turn } from "node:timers/promises";
import type { Page } from "./types.js";

/** Milliseconds that the work may take before the event loop turns, and objects between two looks at the clock. */
const slice = 1;
const looks = 16;

/** Answers a step to be called for every so many objects: undefined, or to be awaited. */
function createPacer(): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < slice) return undefined;
    return turn().then(() => {
      since = performance.now();
    });
  };
}

/** Views of the first objects that the page wants. `factsOf` answers undefined for an object that has gone; so does `viewOf`. */
export async function select<T, Facts, View>(
  objects: Iterable<T>,
  { limit = Number.POSITIVE_INFINITY, accept = () => true }: Page<Facts>,
  factsOf: (object: T) => Facts | undefined,
  viewOf: (facts: Facts) => Promise<View | undefined>,
): Promise<readonly View[]> {
  const wanted: Facts[] = [];
  const pace = createPacer();
  let looked = 0;
  for (const object of objects) {
    if (++looked % looks === 0) await pace();
    const facts = factsOf(object);
    if (facts === undefined || !accept(facts)) continue;
    wanted.push(facts);
    if (wanted.length === limit) break;
  }
  return viewed(wanted, viewOf);
}

/** Views of the first objects that have one, at most so many. */
export async function viewed<T, View>(
  objects: readonly T[],
  viewOf: (object: T) => Promise<View | undefined>,
  limit = Number.POSITIVE_INFINITY,
): Promise<readonly View[]> {
  const views: View[] = [];
  const pace = createPacer();
  for (let at = 0; at < objects.length && views.length < limit; at += looks) {
    await pace();
    const some = await Promise.all(objects.slice(at, at + looks).map(viewOf));
    for (const view of some) if (view !== undefined && views.length < limit) views.push(view);
  }
  return views;
}
