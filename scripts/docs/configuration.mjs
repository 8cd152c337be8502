// docs/configuration.md: every key of the configuration file, from its schema.
import { z } from "zod";
import { configSchema } from "../../dist/gateway/config.js";
import { defaultOf, typeOf, unitOf } from "./json-schema.mjs";
import { code, notice, parts, table } from "./text.mjs";

/** The mapping in a value, if it is one or holds one, and what is added to the path on the way to it. */
function mappingIn(schema) {
  if (schema.properties !== undefined) return { mapping: schema, suffix: "" };
  if (schema.type === "array") {
    const inner = mappingIn(schema.items);
    return inner && { mapping: inner.mapping, suffix: `[]${inner.suffix}` };
  }
  if (typeof schema.additionalProperties === "object") {
    const inner = mappingIn(schema.additionalProperties);
    return inner && { mapping: inner.mapping, suffix: `.NAME${inner.suffix}` };
  }
  for (const choice of schema.anyOf ?? []) {
    const inner = mappingIn(choice);
    if (inner !== undefined) return inner;
  }
  return undefined;
}

function* sections(path, schema) {
  const required = new Set(schema.required ?? []);
  const keys = Object.entries(schema.properties);
  yield { path, description: schema.description ?? "", keys, required };
  for (const [name, value] of keys) {
    const inner = mappingIn(value);
    if (inner === undefined || Object.keys(inner.mapping.properties).length === 0) continue;
    const description = inner.mapping.description ?? value.description ?? "";
    yield* sections(`${path === "" ? "" : `${path}.`}${name}${inner.suffix}`, { ...inner.mapping, description });
  }
}

const section = ({ path, description, keys, required }) =>
  parts(
    path === "" ? "## The file" : `## ${code(path)}`,
    path === "" || description === "" ? "" : `${description}.`,
    table(
      ["key", "type", "unit", "default", "meaning"],
      keys.map(([name, schema]) => [
        code(name),
        typeOf(schema),
        unitOf(schema),
        defaultOf(schema, required.has(name)),
        schema.description ?? "",
      ]),
    ),
  ).trimEnd();

const introduction = `The configuration is one YAML file, \`/etc/junctor/junctor.yaml\` unless \`junctor run -c FILE\` says otherwise.
\`junctor check FILE\` tells each mistake with its file, line and column, and what was expected; the daemon does not start
with one, and \`junctor reload\` leaves the running configuration in force. [examples/](../examples) has files to begin with;
[an LNS](lns.md), [AAA](aaa.md) and [addresses](addresses.md) are explained on pages of their own.

A **duration** is a number of seconds, or a number with a unit: \`500ms\`, \`60s\`, \`2m\`, \`1h\`. A **rate** is a number of
bits a second, or a number with a unit: \`512k\`, \`10M\`, \`1G\`. Addresses are written as
\`192.0.2.1\`, \`192.0.2.1:1701\`, \`[2001:db8::1]:1701\`; prefixes as \`192.0.2.0/24\`, \`2001:db8::/32\`. Files are
relative to the configuration file. Secrets are read from files and never logged or shown.`;

/** Each mapping of the file: `{ path, description, keys: [name, JSON Schema][], required }`. */
export const mappings = () => [...sections("", z.toJSONSchema(configSchema, { io: "input", unrepresentable: "any" }))];

export const configuration = () => parts(notice.trimEnd(), "# Configuration", introduction, mappings().map(section));
