/** The load tool as a library. */
export type { BlastOptions, Role, TransportKind } from "./options.js";
export { defaultOptions, help, parseOptions } from "./parse-options.js";
export { type Phase, phases } from "./phases.js";
export type { Flow, Report } from "./report.js";
export { reportText } from "./report-text.js";
export { type Hooks, type Listening, type Progress, runBlast, type SessionUp } from "./run.js";
