/** Result and error codes, with texts for people (RFC 2661 §4.4.2). */

/** Result codes of StopCCN. */
export const stopResult = {
  clear: 1,
  generalError: 2,
  alreadyExists: 3,
  notAuthorized: 4,
  versionNotSupported: 5,
  shuttingDown: 6,
  stateMachineError: 7,
} as const;

export const stopResultText: Readonly<Record<number, string>> = {
  1: "general request to clear control connection",
  2: "general error",
  3: "control channel already exists",
  4: "requester is not authorized to establish a control channel",
  5: "the protocol version of the requester is not supported",
  6: "requester is being shut down",
  7: "finite state machine error",
};

/** Result codes of CDN. */
export const callResult = {
  lossOfCarrier: 1,
  generalError: 2,
  administrative: 3,
  noFacilitiesNow: 4,
  noFacilities: 5,
  invalidDestination: 6,
  noCarrier: 7,
  busy: 8,
  noDialTone: 9,
  timeout: 10,
  noFraming: 11,
} as const;

export const callResultText: Readonly<Record<number, string>> = {
  1: "call disconnected due to loss of carrier",
  2: "general error",
  3: "call disconnected for administrative reasons",
  4: "call failed due to lack of appropriate facilities being available (temporary condition)",
  5: "call failed due to lack of appropriate facilities being available (permanent condition)",
  6: "invalid destination",
  7: "call failed due to no carrier detected",
  8: "call failed due to detection of a busy signal",
  9: "call failed due to lack of a dial tone",
  10: "call was not established within time allotted by LAC",
  11: "call was connected but no appropriate framing was detected",
};

/** General error codes, of both; they go with result code 2. */
export const generalError = {
  none: 0,
  noControlConnection: 1,
  length: 2,
  value: 3,
  resources: 4,
  sessionId: 5,
  vendorSpecific: 6,
  tryAnother: 7,
  unknownMandatory: 8,
} as const;

export const generalErrorText: Readonly<Record<number, string>> = {
  0: "no general error",
  1: "no control connection exists yet for this LAC-LNS pair",
  2: "length is wrong",
  3: "one of the field values was out of range or a reserved field was non-zero",
  4: "insufficient resources to handle this operation now",
  5: "the session id is invalid in this context",
  6: "a generic vendor-specific error occurred",
  7: "try another",
  8: "session or tunnel was shut down due to receipt of an unknown AVP with the M bit set",
};

/** `2/6 general error, a generic vendor-specific error occurred: …`, for logs and tables. */
export function describeResult(
  message: "StopCCN" | "CDN",
  code: { readonly result: number; readonly error?: number | undefined; readonly message?: string | undefined },
): string {
  const results = message === "CDN" ? callResultText : stopResultText;
  const numbers = code.error === undefined ? `${code.result}` : `${code.result}/${code.error}`;
  const texts = [results[code.result] ?? "unknown result", code.error ? generalErrorText[code.error] : undefined];
  const detail = code.message ? `: ${code.message}` : "";
  return `${numbers} ${texts.filter(Boolean).join(", ")}${detail}`;
}
