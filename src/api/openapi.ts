/** The OpenAPI 3.1 document, from the routes and the schemas. */
import { z } from "zod";
import type { Route } from "./route.js";
import { routes } from "./routes.js";
import { schemas } from "./schemas.js";

type Json = Readonly<Record<string, unknown>>;

const ref = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

function componentSchemas(): Json {
  const registry = z.registry<{ id?: string }>();
  for (const [id, schema] of Object.entries(schemas)) registry.add(schema, { id });
  const generated = z.toJSONSchema(registry, { uri: (id) => `#/components/schemas/${id}`, override: tidy });
  // OpenAPI says where a component is by its place, and the dialect once for the document.
  return Object.fromEntries(
    Object.entries(generated.schemas).map(([id, { $schema: _dialect, $id: _place, ...schema }]) => [id, schema]),
  );
}

/** The pattern of a date-time adds nothing to its format, and the bounds of an integer are JavaScript's, not ours. */
function tidy({ jsonSchema }: { jsonSchema: { [key: string]: unknown } }): void {
  if (jsonSchema.format === "date-time") delete jsonSchema.pattern;
  if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
  if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
}

function inline(schema: z.ZodType): Json {
  const { $schema: _dialect, ...json } = z.toJSONSchema(schema, {
    io: "input",
    unrepresentable: "any",
    override: tidy,
  });
  return json;
}

function parameters(where: "path" | "query", schema: z.ZodObject | undefined): readonly Json[] {
  return Object.entries(schema?.shape ?? {}).map(([name, parameter]) => {
    const { description, ...type } = inline(parameter as z.ZodType);
    return {
      name,
      in: where,
      required: where === "path",
      description,
      schema: numeric(parameter as z.ZodType) ?? type,
    };
  });
}

/** What is read from text with z.coerce has no input type of its own. */
const numeric = (schema: z.ZodType): Json | undefined => {
  const { description: _description, ...output } = z.toJSONSchema(schema, {
    io: "output",
    unrepresentable: "any",
    override: tidy,
  });
  const { $schema: _dialect, ...type } = output;
  return output.type === "integer" ? type : undefined;
};

const answerOf = ({ answer }: Route): Json =>
  answer === undefined
    ? { "204": { description: "Done" } }
    : { "200": { description: "OK", content: { "application/json": { schema: ref(answer) } } } };

function operationOf(route: Route): Json {
  const refused =
    route.refuses === undefined ? "Refused" : `Refused; codes to expect: ${["invalid", ...route.refuses].join(", ")}`;
  return {
    operationId: route.operation,
    summary: route.summary,
    parameters: [...parameters("path", route.params), ...parameters("query", route.query)],
    ...(route.body && {
      requestBody: { required: true, content: { "application/json": { schema: inline(route.body) } } },
    }),
    responses: {
      ...answerOf(route),
      default: { description: refused, content: { "application/json": { schema: ref("Failure") } } },
    },
  };
}

const stream = (
  operationId: string,
  summary: string,
  description: string,
  schema: string,
  params: readonly Json[] = [],
): Json => ({
  get: {
    operationId,
    summary,
    description,
    parameters: params,
    responses: { "200": { description: "OK", content: { "text/event-stream": { schema: ref(schema) } } } },
  },
});

const left = "What a slow reader has no room for is left out; an event `lost` with a `count` stands there.";

const streams: Json = {
  "/v1/programs/trace": stream(
    "tracePrograms",
    "Lines of bpf_trace_printk and of aborted runs, as server-sent events",
    `Each is a \`line\`. ${left}`,
    "ProgramLine",
  ),
  "/v1/maps/{map}/records": stream(
    "readRecords",
    "Records of a ring buffer or perf event array, and frames redirected to an xskmap, as server-sent events",
    `Each is a \`record\`. ${left}`,
    "MapRecord",
    [{ name: "map", in: "path", required: true, description: "Handle of the map", schema: { type: "integer" } }],
  ),
  "/v1/events": stream(
    "events",
    "Everything that happens from now on, as server-sent events",
    "Each has an id, its type as `event` and an Event as `data`. A reader that does not keep up is dropped with an `end` event that says why.",
    "Event",
  ),
};

const health = (operationId: string, summary: string): Json => ({
  get: {
    operationId,
    summary,
    parameters: [],
    responses: {
      "200": { description: "Yes", content: { "application/json": { schema: ref("Health") } } },
      "503": { description: "No", content: { "application/json": { schema: ref("Health") } } },
    },
  },
});

export function openapi(version: string): Json {
  const paths: Record<string, Record<string, Json>> = {};
  for (const route of routes) {
    paths[route.path] = { ...paths[route.path], [route.method]: operationOf(route) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Junctor", version, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    paths: {
      ...paths,
      ...streams,
      "/livez": health("live", "Whether the daemon runs"),
      "/readyz": health("ready", "Whether it serves new calls"),
    },
    components: {
      schemas: componentSchemas(),
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "Over TCP; a Unix socket asks for none" },
      },
    },
    security: [{}, { token: [] }],
  };
}
