/** Times that threads share, in a word: milliseconds, wrapping after seven weeks; 0 is "never". */
export const stampOf = (now: number): number => Math.floor(now) | 0 || 1;

/** Milliseconds from `stamp` to `now`; a thread's clock may be a little ahead. */
export const since = (stamp: number, now: number): number => Math.max(0, (stampOf(now) - stamp) | 0);
