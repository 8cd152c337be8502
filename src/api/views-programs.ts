/** Programs, attachments, devices and maps: from what the data plane knows to what the API shows. */
import type { AttachmentState, MapState, ProgramState } from "../dataplane/attributes.js";
import type { MapShape } from "../dataplane/contract.js";
import { compileGlob } from "../gateway/glob.js";
import { isPerCpu } from "../xdp/maps/plan.js";
import type { MapTypeName } from "../xdp/spec.js";
import type { AttachmentJson, DeviceJson, MapJson, ProgramJson } from "./schemas-programs.js";

export const programJson = ({ pin, ...state }: ProgramState): ProgramJson => ({ ...state, pin: pin ?? null });

export const mapJson = ({ pin, ...state }: MapState, shape: MapShape | undefined): MapJson => {
  const spec = shape?.spec;
  return {
    ...state,
    pin: pin ?? null,
    perCpu: isPerCpu(state.type as MapTypeName),
    btf: spec?.btf !== undefined && ((spec.keyType ?? 0) !== 0 || (spec.valueType ?? 0) !== 0),
  };
};

export const attachmentJson = ({ framing, ...state }: AttachmentState): AttachmentJson => ({
  ...state,
  framing: framing ?? null,
});

/** Whether an attachment's device, or pattern of devices (`*`, `?`), means the one with a name. */
export function deviceMatcher(device: string): (name: string) => boolean {
  if (!/[*?]/.test(device)) return (name) => name === device;
  return compileGlob(device.replace(/[\\[]/g, "\\$&"));
}

type Hooked = DeviceJson["programs"][number];

/** What is on a device, in the order in which it runs. */
export function createHooked(
  attachments: readonly AttachmentState[],
  programs: readonly ProgramState[],
): (name: string) => Hooked[] {
  const names = new Map(programs.map(({ program, name }) => [program, name]));
  const matchers = attachments.map((attachment) => ({ attachment, fits: deviceMatcher(attachment.device) }));
  return (device) =>
    matchers
      .filter(({ fits }) => fits(device))
      .map(({ attachment: { attachment, hook, priority, program, mode } }) => ({
        attachment,
        hook,
        priority,
        program,
        name: names.get(program) ?? "",
        mode,
      }))
      .sort(
        (a, b) =>
          Number(a.hook === "egress") - Number(b.hook === "egress") ||
          a.priority - b.priority ||
          a.attachment - b.attachment,
      );
}
