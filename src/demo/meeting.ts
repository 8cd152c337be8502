/** Those who wait for each other. */
export interface Meeting {
  /** Resolves when all have come, or nobody is to wait any more. */
  come(): Promise<void>;
  cancel(): void;
}

export function meetingOf(members: number): Meeting {
  let cancel = (): void => {};
  const complete = new Promise<void>((resolve) => {
    cancel = resolve;
  });
  let missing = members;
  return {
    come() {
      if (--missing === 0) cancel();
      return complete;
    },
    cancel,
  };
}
