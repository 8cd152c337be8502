/** The daemon's API over its Unix socket, or over TCP with a token. */
import { readFileSync } from "node:fs";
import { Agent, type IncomingMessage, type RequestOptions, request } from "node:http";
import type { Failure } from "../api/schemas.js";
import { CliError } from "./exit.js";

export interface Client {
  /** A JSON answer, undefined where there is none. Throws CliError: refused, unreachable or permission. */
  ask<T>(method: string, path: string, body?: object): Promise<T>;
  /** The body as it comes, for events. */
  stream(path: string): Promise<IncomingMessage>;
  close(): void;
}

/** A daemon that accepts the connection and then says nothing is as good as none. */
const patience = 60_000;

export function createClient(socket: string, tokenFile: string | undefined): Client {
  const agent = new Agent({ keepAlive: true });
  const target = targetOf(socket, tokenFile);

  const exchange = (method: string, path: string, body?: object): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const text = body === undefined ? undefined : JSON.stringify(body);
      const headers = {
        ...target.headers,
        ...(text !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
      };
      const sent = request({ ...target, agent, method, path, headers }, resolve);
      sent.setTimeout(patience, () => sent.destroy(new Error(`no answer in ${patience / 1000} s`)));
      sent.on("error", (error) => reject(unreachable(socket, error)));
      sent.end(text);
    });

  return {
    async ask<T>(method: string, path: string, body?: object): Promise<T> {
      const response = await exchange(method, path, body);
      const text = await readAll(response, socket);
      if (response.statusCode === 204) return undefined as T;
      const answer = json(text, socket);
      if (response.statusCode !== 200) throw refused(answer as Failure, response.statusCode);
      return answer as T;
    },
    async stream(path) {
      const response = await exchange("GET", path);
      if (response.statusCode === 200) {
        response.socket.setTimeout(0);
        return response;
      }
      throw refused(json(await readAll(response, socket), socket) as Failure, response.statusCode);
    },
    close: () => agent.destroy(),
  };
}

function targetOf(socket: string, tokenFile: string | undefined): RequestOptions {
  const tcp = /^(?:\[([\da-fA-F:.]+)\]|([\w.-]+)):(\d{1,5})$/.exec(socket);
  if (tcp === null) return { socketPath: socket.replace(/^unix:/, ""), headers: { host: "localhost" } };
  const token = tokenFile === undefined ? undefined : readToken(tokenFile);
  return {
    host: tcp[1] ?? tcp[2],
    port: Number(tcp[3]),
    headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
  };
}

function readToken(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch (error) {
    throw new CliError("usage", `cannot read the token: ${(error as Error).message}`);
  }
}

async function readAll(response: IncomingMessage, socket: string): Promise<string> {
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk);
    return Buffer.concat(chunks).toString();
  } catch (error) {
    throw unreachable(socket, error as Error);
  }
}

function json(text: string, socket: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new CliError("unreachable", `${socket} does not answer as a Junctor daemon does`);
  }
}

function refused({ error }: Partial<Failure>, status: number | undefined): CliError {
  const ending = status === 401 ? "permission" : "refused";
  return new CliError(ending, error?.message ?? `HTTP status ${status}`, error?.hint ?? undefined, error?.log);
}

function unreachable(socket: string, error: NodeJS.ErrnoException): CliError {
  if (error.code === "EACCES" || error.code === "EPERM") {
    return new CliError("permission", `no permission to use ${socket}`, "be a member of the socket's group, or root");
  }
  const hints: Readonly<Record<string, string>> = {
    ENOENT: "is the daemon running? junctor run -c FILE starts one; -s SOCKET or $JUNCTOR_SOCKET says where it is",
    ECONNREFUSED: "is the daemon running? junctor run -c FILE starts one",
  };
  return new CliError("unreachable", `cannot reach the daemon at ${socket}: ${error.message}`, hints[error.code ?? ""]);
}
