/** How a refusal is told over HTTP: `{ error: { code, message, hint } }` with the status that fits. */
import type { ZodError } from "zod";
import { DataplaneError, JunctorError } from "../errors.js";
import type { Failure } from "./schemas.js";

export type FailureStatus = 400 | 401 | 403 | 404 | 405 | 409 | 413 | 415 | 422 | 500 | 501 | 503;

const statusOf: Readonly<Record<string, FailureStatus>> = {
  invalid: 400,
  EINVAL: 400,
  ERANGE: 400,
  E2BIG: 400,
  unauthorized: 401,
  EPERM: 403,
  "not-found": 404,
  ENOENT: 404,
  ENODEV: 404,
  ENXIO: 404,
  ESRCH: 404,
  "method-not-allowed": 405,
  EALREADY: 409,
  EBUSY: 409,
  EEXIST: 409,
  "too-large": 413,
  "unsupported-media-type": 415,
  config: 422,
  EACCES: 422,
  EOPNOTSUPP: 501,
  ENOSPC: 503,
  ENOMEM: 503,
};

export interface Refusal {
  readonly status: FailureStatus;
  readonly body: Failure;
}

/** Errors that Junctor did not raise on purpose are ours: 500, without their message, which is for the log. */
export function refusal(error: unknown): Refusal {
  if (!(error instanceof JunctorError)) {
    return failure(500, "internal", "something went wrong inside the daemon", "its log says more");
  }
  const log = error instanceof DataplaneError ? error.log : undefined;
  return failure(statusOf[error.code] ?? 500, error.code, error.problem, error.hint, log);
}

const failure = (status: FailureStatus, code: string, message: string, hint?: string, log?: string): Refusal => ({
  status,
  body: { error: { code, message, hint: hint ?? null, ...(log !== undefined && { log }) } },
});

/** `where`: what was read, as in `query`, `body`. */
export function invalid(where: string, { issues }: ZodError): JunctorError {
  const problems = issues.map(({ path, message }) => `${[where, ...path].join(".")}: ${message}`);
  return new JunctorError("invalid", problems.join("; "), "GET /v1/openapi.json says what is expected");
}
