/** Secrets are compared in constant time, so that how long it takes says nothing about them. */
import { hash, timingSafeEqual } from "node:crypto";

/** Whether two secrets of any length are the same; takes a time that depends on their lengths only. */
export const sameSecret = (a: Uint8Array, b: Uint8Array): boolean =>
  timingSafeEqual(hash("sha256", a, "buffer"), hash("sha256", b, "buffer"));

/** Whether two digests are the same. Their lengths are no secret. */
export const sameDigest = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);
