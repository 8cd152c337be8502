/** Keys of authentication, authorisation and accounting. */
import { z } from "zod";
import { splitAddress } from "./address.js";
import { addressMessage, duration, file, ipAddress, prefix } from "./schema-values.js";

const serverAddress = z.string().refine((text) => splitAddress(text) !== undefined, addressMessage);

const server = z
  .strictObject({
    server: serverAddress.describe("Address of the server; the port is 1812 when it is left out"),
    accounting: z
      .union([z.boolean(), serverAddress])
      .prefault(true)
      .describe(
        "Where accounting goes: true: to port 1813 of the same address; false: not to this server; or an address",
      ),
    authentication: z.boolean().prefault(true).describe("Whether it is asked for authentication"),
    "secret-file": file.describe("File with the secret shared with the server"),
    timeout: duration
      .prefault("3s")
      .describe("First wait for an answer; grows with each try")
      .meta({ unit: "seconds" }),
    tries: z.int().min(1).max(10).prefault(2).describe("Transmissions before the next server is asked"),
    "dead-time": duration
      .prefault("30s")
      .describe("How long a server that does not answer is asked last")
      .meta({ unit: "seconds" }),
    "require-message-authenticator": z
      .boolean()
      .prefault(true)
      .describe(
        "Drop its answers to authentication that have no Message-Authenticator. false: for servers too old to send it; whoever is on the way to them can then forge an Access-Accept (Blast-RADIUS, CVE-2024-3596). Answers to EAP always need it",
      ),
    "status-server": z
      .boolean()
      .prefault(true)
      .describe(
        "After dead-time, ask it by Status-Server (RFC 5997) whether it is alive; a server that does not know that is tried with a request",
      ),
  })
  .describe("A RADIUS server; the first that is alive is asked");

const dynamic = z
  .strictObject({
    listen: serverAddress.prefault("0.0.0.0:3799").describe("Address and port to receive on"),
    clients: z
      .array(
        z.strictObject({
          address: prefix.describe("Who may ask"),
          "secret-file": file.describe("File with the secret shared with it"),
        }),
      )
      .min(1)
      .describe("Who may change and end sessions"),
  })
  .describe("Change of authorisation and disconnection from outside (RFC 5176)");

export const aaa = z
  .strictObject({
    radius: z.array(server).prefault([]).describe("RADIUS servers, in the order of preference"),
    dynamic: dynamic.optional(),
    local: file.optional().describe("File with users in pppd's chap-secrets format"),
    fallback: z
      .enum(["none", "local"])
      .prefault("none")
      .describe("Whether local users are looked up when no RADIUS server answers; without RADIUS they always are"),
    accounting: z.boolean().prefault(true).describe("Send accounting to the RADIUS servers"),
    "interim-interval": duration
      .prefault("0s")
      .describe("Interval of interim accounting where RADIUS says nothing; 0: none")
      .meta({ unit: "seconds" }),
    "nas-identifier": z.string().min(1).max(253).optional().describe("NAS-Identifier; by default the host-name"),
    "nas-address": ipAddress.optional().describe("NAS-IP-Address or NAS-IPv6-Address"),
    store: z
      .string()
      .min(1)
      .optional()
      .describe("Directory that keeps accounting records until a server has taken them; without it a crash loses them"),
  })
  .prefault({})
  .describe("Who may dial in, what they are entitled to, and what is accounted for");
