// What the verifier says of a program that is not safe.
import { assembleXdp, loadXdp, ProgramRefused } from "junctor/xdp";

const object = loadXdp(
  assembleXdp({
    careless: `
      r2 = *(u32 *)(r1 +0)
      r0 = *(u8 *)(r2 +0)
      exit`,
  }),
);
try {
  object.program("careless").run(new Uint8Array(60));
} catch (error) {
  if (!(error instanceof ProgramRefused)) throw error;
  console.log(error.code, error.message);
  console.log(error.log().trimEnd());
}
