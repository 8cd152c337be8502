/** A route as data: the application and the OpenAPI document are both made from it. */
import { z } from "zod";
import { invalid } from "./failure.js";
import type { SchemaName } from "./schemas.js";
import type { Service } from "./service.js";

export interface RouteSpec<P extends z.ZodObject, Q extends z.ZodObject, B extends z.ZodObject> {
  readonly method: "get" | "post" | "put" | "delete";
  /** As OpenAPI writes it: `/v1/tunnels/{tunnel}`. */
  readonly path: string;
  /** OpenAPI's operationId. */
  readonly operation: string;
  readonly summary: string;
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  /** Bytes that the body may have; a few thousand when it is not said. */
  readonly maxBody?: number;
  /** Undefined: nothing to say (204). */
  readonly answer?: SchemaName;
  /** Codes of the refusals to expect. */
  readonly refuses?: readonly string[];
  handle(service: Service, request: { params: z.infer<P>; query: z.infer<Q>; body: z.infer<B> }): Promise<unknown>;
}

export interface RawRequest {
  readonly params: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** A route whose request is validated before its handler sees it. Rejects with a JunctorError of code `invalid`. */
export interface Route extends Omit<RouteSpec<z.ZodObject, z.ZodObject, z.ZodObject>, "handle"> {
  run(service: Service, request: RawRequest): Promise<unknown>;
}

const nothing = z.object({});

export function route<
  P extends z.ZodObject = typeof nothing,
  Q extends z.ZodObject = typeof nothing,
  B extends z.ZodObject = typeof nothing,
>(spec: RouteSpec<P, Q, B>): Route {
  const { handle, ...rest } = spec;
  return {
    ...rest,
    run: async (service, raw) =>
      handle(service, {
        params: read(spec.params, "path", raw.params) as z.infer<P>,
        query: read(spec.query?.strict() ?? nothing.strict(), "query", raw.query) as z.infer<Q>,
        body: read(spec.body?.strict(), "body", raw.body) as z.infer<B>,
      }),
  };
}

function read(schema: z.ZodObject | undefined, where: string, value: unknown): unknown {
  if (schema === undefined) return {};
  const result = schema.safeParse(value);
  if (!result.success) throw invalid(where, result.error);
  return result.data;
}
