interface Waiting {
  readonly async: boolean;
  readonly value: string | Promise<string>;
}

// ES2024; Node has had it since 16, the library types of ES2023 have not.
const { waitAsync } = Atomics as unknown as { waitAsync(words: Int32Array, index: number, value: number): Waiting };

/** Resolves when the word is found, or notified to be, other than `value`, without blocking the event loop. */
export async function waitWhile(words: Int32Array, index: number, value: number): Promise<void> {
  while (Atomics.load(words, index) === value) await waitAsync(words, index, value).value;
}
