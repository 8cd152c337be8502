/** Numbers for people. */

const steps = [
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
] as const;

/** Three significant digits, a decimal prefix where it helps, and the unit: `1.23 kpps`. */
export function short(value: number, unit: string): string {
  const [factor, prefix] = steps.find(([least]) => Math.abs(value) >= least * 0.9995) ?? [1, ""];
  const scaled = value / factor;
  const digits =
    Number.isInteger(value) && factor === 1 ? 0 : Math.abs(scaled) >= 99.95 ? 0 : Math.abs(scaled) >= 9.995 ? 1 : 2;
  return `${scaled.toFixed(digits)} ${prefix}${unit}`;
}

/** Groups of three digits. */
export const grouped = (value: number): string =>
  Math.round(value)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, " ");

/** A duration of so many microseconds. */
export function duration(microseconds: number): string {
  if (microseconds < 1000) return `${microseconds.toFixed(0)} µs`;
  if (microseconds < 1e6) return `${(microseconds / 1000).toPrecision(3)} ms`;
  return `${(microseconds / 1e6).toPrecision(3)} s`;
}
