/** What the gateway needs of AAA; loaded when something ends here. */
export { type AaaOptions, createAaa } from "./aaa.js";
