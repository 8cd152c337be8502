// docs/api.md: the HTTP API, from its OpenAPI document.
import { openapi } from "../../dist/api/openapi.js";
import { version } from "../../dist/version.js";
import { typeOf } from "./json-schema.mjs";
import { code, notice, parts, table } from "./text.mjs";

const introduction = `The daemon serves HTTP and JSON on a Unix socket, \`/run/junctor/api.sock\` unless \`listen.api\` says otherwise, readable and
writable for its owner and group; on TCP only when it is configured there, with \`Authorization: Bearer TOKEN\`
(\`listen.token-file\`). The form is versioned in the path (\`/v1\`): fields may be added, none goes or changes its meaning.
The OpenAPI document is at \`/v1/openapi.json\`.

\`\`\`sh
curl --unix-socket /run/junctor/api.sock http://localhost/v1/tunnels?side=access
curl --unix-socket /run/junctor/api.sock -X POST -H 'content-type: application/json' -d '{"with":5}' http://localhost/v1/channels/4/bridge
curl --unix-socket /run/junctor/api.sock -N http://localhost/v1/events
\`\`\`

A tunnel is named by its local tunnel id, a session by TUNNEL/SESSION (both local ids, as \`7/1234\`), a channel by its index.
A refusal is \`{ "error": { "code", "message", "hint" } }\` with a fitting status: 400 for a request that is not right, 404
for an object that is not there, 409 for a state that forbids it, 422 for a configuration file with mistakes. \`code\` is
stable: an errno name for what the data plane refused, a word for the rest.

Listings come in parts of at most \`limit\` objects; \`next\` of one answer is \`after\` of the next request.`;

const isRef = (schema) => schema?.$ref?.split("/").at(-1);

function operation(path, method, { summary, description, parameters, requestBody, responses }) {
  const body = requestBody?.content["application/json"].schema;
  const answer = Object.values(responses["200"]?.content ?? {})[0]?.schema;
  return parts(
    `### ${method.toUpperCase()} ${path}`,
    `${summary}.`,
    description ?? "",
    table(
      ["parameter", "in", "type", "meaning"],
      parameters.map(({ name, in: where, schema, description: meaning }) => [
        code(name),
        where,
        typeOf(schema),
        meaning ?? "",
      ]),
    ),
    body === undefined
      ? ""
      : `Body: \`{ ${Object.entries(body.properties)
          .map(([name, schema]) => `"${name}": ${typeOf(schema)}`)
          .join(", ")} }\``,
    answer === undefined ? "" : `Answer: [${isRef(answer)}](#${isRef(answer).toLowerCase()})`,
  ).trimEnd();
}

const schemaSection = ([name, schema]) =>
  parts(`### ${name}`, schema.description ?? "", table(["field", "type", "meaning"], rowsOf(schema))).trimEnd();

const rowsOf = (schema, prefix = "") =>
  Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const at = `${prefix}${name}`;
    return [[code(at), typeOf(field), field.description ?? ""], ...(field.properties ? rowsOf(field, `${at}.`) : [])];
  });

export function api() {
  const { paths, components } = openapi(version);
  return parts(
    notice.trimEnd(),
    "# API",
    introduction,
    "## Requests",
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, spec]) => operation(path, method, spec)),
    ),
    "## Objects",
    Object.entries(components.schemas).map(schemaSection),
  );
}
