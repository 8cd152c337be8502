// docs/dataplane.md: the attributes of each object of the data-plane contract and the operations that take them.
import { z } from "zod";
import * as exported from "../../dist/dataplane/attributes.js";
import { defaultOf, typeOf, unitOf } from "./json-schema.mjs";
import { code, notice, parts, table } from "./text.mjs";

const attributes = { ...exported };
const objects = ["port", "device", "tunnel", "session", "channel", "unit"];

const json = (schema) => z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });

/** Schemas are named for the object and the operation, as tunnelCreate; those of get, delete and the like are its key. */
const operationsOf = (object) =>
  Object.keys(attributes)
    .filter((name) => name.startsWith(object) && attributes[name] instanceof z.ZodType)
    .map((name) => ({ operation: name.slice(object.length).toLowerCase(), schema: json(attributes[name]) }))
    .filter(({ operation }) => operation !== "attributes");

function section(object) {
  const operations = operationsOf(object);
  const rows = Object.entries(json(attributes[`${object}Attributes`]).properties).map(([name, schema]) => {
    const takenBy = operations.filter(({ schema: { properties } }) => name in properties);
    return [
      code(name),
      typeOf(schema),
      unitOf(schema),
      defaultOf(schema, false),
      schema.description ?? "",
      takenBy
        .map(({ operation, schema: { required = [] } }) => (required.includes(name) ? `**${operation}**` : operation))
        .join(", "),
    ];
  });
  const counters = attributes.counters[object];
  return parts(
    `## ${object}`,
    table(["attribute", "type", "unit", "default", "meaning", "operations"], rows),
    counters === undefined ? "" : `Counters: ${counters.map(code).join(", ")}.`,
  ).trimEnd();
}

const introduction = `The objects of the data-plane contract (\`src/dataplane/contract.ts\`) and their attributes. An attribute with the same
meaning has the same name in every operation; an operation takes a subset, listed in the last column, in bold where it must
be given. **key** stands for the operations that name one object: get, delete, close, and undoing a relation.

Operations reject with the errno name that Linux gives for the same mistake. Packets and bytes are L2TP payload (PPP frames).`;

export const dataplane = () => parts(notice.trimEnd(), "# Data-plane reference", introduction, objects.map(section));
