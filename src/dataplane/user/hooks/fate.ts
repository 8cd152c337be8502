/**
 * What becomes of a frame at a hook. It goes on as if there were no program (`passed`), is dropped and counted, has been sent another way,
 * or has been handed to another thread, which counts it. Only `Runner` and `Redirects` answer the others: it is to go back to where it
 * came from, or away to where its program says.
 */
export const fate = { passed: 0, dropped: 1, sent: 2, handed: 3, back: 4, away: 5 } as const;
