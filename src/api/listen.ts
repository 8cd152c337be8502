/** Where HTTP is served: a Unix socket, or an address and port. */
import { chmod, lstat, mkdir, unlink } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { dirname } from "node:path";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";
import { JunctorError } from "../errors.js";

export type ListenAddress = { readonly path: string } | { readonly host: string; readonly port: number };

export interface Listener {
  /** As `unix:/run/junctor/api.sock` or `127.0.0.1:9090`, with the real port number if 0 was asked for. */
  readonly address: string;
  /** Lets answers in progress finish for `grace` milliseconds. */
  close(grace: number): Promise<void>;
}

/** Read and write for the owner and its group: who may connect may end every session. */
const socketMode = 0o660;

/** Connections at the same time; more are refused. */
const maxConnections = 256;

/** Rejects with a JunctorError that names the address when it cannot be bound. */
export async function listen(app: Hono, address: ListenAddress): Promise<Listener> {
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 5000, keepAliveTimeout: 5000, maxHeaderSize: 16_384 },
    getRequestListener(app.fetch, { overrideGlobalObjects: false }),
  );
  server.maxConnections = maxConnections;
  const where = "path" in address ? `unix:${address.path}` : `${address.host}:${address.port}`;
  try {
    if ("path" in address) {
      await makeRoom(address.path);
      await bind(server, address);
      await chmod(address.path, socketMode);
    } else {
      await bind(server, address);
    }
  } catch (error) {
    server.close();
    if (error instanceof JunctorError) throw error;
    const { code = "EIO", message } = error as NodeJS.ErrnoException;
    throw new JunctorError(code, `cannot listen on ${where}: ${message}`, hints[code]);
  }
  return {
    address: "path" in address ? where : hostAndPort(server.address() as AddressInfo),
    close: (grace) => close(server, grace),
  };
}

const hints: Readonly<Record<string, string>> = {
  EACCES: "run as a user that may write there, or configure another address under `listen`",
  EADDRINUSE: "something else listens there; configure another address under `listen`",
  EADDRNOTAVAIL: "this machine does not have that address",
};

const hostAndPort = ({ address, family, port }: AddressInfo): string =>
  family === "IPv6" ? `[${address}]:${port}` : `${address}:${port}`;

const bind = (server: Server, address: ListenAddress): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(address, () => {
      server.off("error", reject);
      resolve();
    });
  });

/** A socket that nobody listens on is what a daemon that was killed left behind; anything else is not ours to remove. */
async function makeRoom(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) return;
  if (!found.isSocket()) throw new JunctorError("EEXIST", `${path} is there and is not a socket`, "remove it");
  if (await answers(path)) {
    throw new JunctorError("EADDRINUSE", `a daemon is listening on ${path}`, "stop it, or configure another socket");
  }
  await unlink(path);
}

const answers = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path, () => resolve(true));
    socket.on("error", ({ code }: NodeJS.ErrnoException) => resolve(code !== "ECONNREFUSED" && code !== "ENOENT"));
    socket.on("connect", () => socket.destroy());
  });

function close(server: Server, grace: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), grace);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
}
