import { constants } from "node:os";
import { JunctorError } from "../errors.js";

const names = new Map<number, string>();
for (const [name, number] of Object.entries(constants.errno)) if (!names.has(number)) names.set(number, name);

/** Numbers that the hot path compares with; `os.constants` gives this platform's. */
export const { EAGAIN, ECONNREFUSED, EINTR, EINVAL, EIO, EMSGSIZE, ENOBUFS, ENOTCONN, EPERM, ENOPROTOOPT, EOPNOTSUPP } =
  constants.errno;

export const errnoName = (errno: number): string => names.get(errno) ?? `errno ${errno}`;

/** What mends the errors that operators meet. */
const hints: Readonly<Record<string, string>> = {
  EACCES: "run as root, or give the capability CAP_NET_BIND_SERVICE / CAP_NET_ADMIN / CAP_NET_RAW",
  EPERM: "run as root, or give the capability that the call needs (CAP_NET_ADMIN, CAP_SYS_ADMIN)",
  EADDRINUSE: "another program has this address and port; see `ss -lunp`",
  EADDRNOTAVAIL: "no interface has this address; see `ip address`",
  EAFNOSUPPORT: "the host has no such address family (is IPv6 disabled?)",
  EMFILE: "raise the limit of open files (ulimit -n)",
};

/** A system call failed. `code` is the errno name. */
export class SystemError extends JunctorError {
  override readonly name = "SystemError";
  readonly syscall: string;

  constructor(code: string, syscall: string, what: string, hint: string | undefined = hints[code]) {
    super(code, `${syscall} ${what} (${code})`, hint);
    this.syscall = syscall;
  }
}
