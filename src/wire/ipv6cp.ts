/** IPv6CP's options (RFC 5072 §4): interface identifiers, as 16 hexadecimal digits. */

export const ipv6cpOption = { interfaceId: 1, compression: 2 } as const;

export const interfaceIdLength = 8;

/** No identifier: asks for one. */
export const noInterfaceId = "0000000000000000";

const digits = Array.from({ length: 256 }, (_, octet) => octet.toString(16).padStart(2, "0"));

export function interfaceIdAt(bytes: Uint8Array, at: number): string {
  let text = "";
  for (let i = 0; i < interfaceIdLength; i++) text += digits[bytes[at + i]!];
  return text;
}

export function putInterfaceId(into: Uint8Array, at: number, id: string): void {
  for (let i = 0; i < interfaceIdLength; i++) into[at + i] = Number.parseInt(id.slice(2 * i, 2 * i + 2), 16);
}
