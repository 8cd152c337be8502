import type { Guest } from "./guest.js";

/** One end of a PPP link over L2TP in the guest: xl2tpd and pppd in a network namespace of their own. */
export interface End {
  /** Runs a script inside the namespace. */
  run(script: string, options?: { timeout?: number }): Promise<string>;
  /** Writes a command to xl2tpd's control pipe: `c NAME`, `d NAME`, `h CALL`. */
  control(command: string): Promise<string>;
  /** Tunnels and calls that xl2tpd and the kernel have now. */
  state(): Promise<State>;
  /** Resolves once `state()` is all zero: nothing is left of a call. */
  idle(): Promise<void>;
  /** What xl2tpd and pppd wrote to their logs. */
  log(): Promise<string>;
}

export interface State {
  readonly tunnels: number;
  readonly calls: number;
  readonly kernelTunnels: number;
  readonly kernelSessions: number;
  readonly pppd: number;
}

export interface EndOptions {
  readonly role: "caller" | "lns";
  /** The guest's network card that the namespace gets, its address with prefix length and its default gateway. */
  readonly device: string;
  readonly address: string;
  readonly gateway: string;
  /** Sections of xl2tpd.conf(5) but `[global]`; `{options}` stands for the path of pppd's options. */
  readonly config: string;
  /** Lines of l2tp-secrets: us, them, secret. */
  readonly tunnelSecrets: string;
  /** pppd(8) options, one a line. */
  readonly pppOptions: string;
  /** A line of chap-secrets and pap-secrets. */
  readonly pppSecret: string;
}

export async function startEnd(guest: Guest, options: EndOptions): Promise<End> {
  const { role } = options;
  const home = `/run/${role}`;
  const [listen = ""] = options.address.split("/");
  const file = (name: string, text: string) => guest.file(`${role}-${name}`, text);

  const pppOptions = file(
    "options",
    `${options.pppOptions}\nlinkname ${role}\nlogfile ${home}/ppp.log\ndebug\nnodefaultroute\nlcp-echo-interval 1\nlcp-restart 1\nlcp-max-terminate 2\n`,
  );
  const secrets = file("secrets", `${options.tunnelSecrets}\n`);
  const pppSecrets = file("ppp-secrets", `${options.pppSecret}\n`);
  const config = file(
    "xl2tpd.conf",
    `[global]\nlisten-addr = ${listen}\nauth file = ${secrets}\n\n${options.config.replaceAll("{options}", pppOptions)}`,
  );

  await guest.run(`
    mkdir -p ${home}/ppp
    ip netns add ${role}
    ip link set ${options.device} netns ${role}
    cp ${pppSecrets} ${home}/ppp/chap-secrets
    cp ${pppSecrets} ${home}/ppp/pap-secrets
    : > ${home}/ppp/options
    chmod 600 ${home}/ppp/*
    cat > ${home}/start <<'END'
      ip link set lo up
      ip address add ${options.address} dev ${options.device}
      ip link set ${options.device} up
      ip route add default via ${options.gateway}
      mount --bind ${home}/ppp /etc/ppp
      exec xl2tpd -D -c ${config} -p ${home}/pid -C ${home}/control
END
    ip netns exec ${role} sh -e ${home}/start > ${home}/log 2>&1 &
    for i in $(seq 100); do grep -q 'Listening on IP address' ${home}/log && exit 0; sleep 0.1; done
    cat ${home}/log; exit 1`);

  const run = (script: string, runOptions?: { timeout?: number }) =>
    guest.run(`exec ip netns exec ${role} sh -e ${file("script", script)}`, runOptions);

  const end: End = {
    run,
    control: (command) => guest.run(`echo '${command}' > ${home}/control`),
    async state() {
      const text = await run(`
        before=$(wc -c < ${home}/log)
        kill -USR1 $(cat ${home}/pid)
        for i in $(seq 50); do tail -c +$((before + 1)) ${home}/log | grep -q 'Config File' && break; sleep 0.1; done
        tail -c +$((before + 1)) ${home}/log
        echo kernel tunnels $(ip l2tp show tunnel | grep -c '^Tunnel')
        echo kernel sessions $(ip l2tp show session | grep -c '^Session [1-9]')
        echo pppd $(test -e /run/ppp-${role}.pid && echo 1 || echo 0)`);
      const number = (pattern: RegExp) => Number(text.match(pattern)?.[1] ?? Number.NaN);
      return {
        tunnels: number(/Number of tunnels open: (\d+)/),
        calls: [...text.matchAll(/Call \S+ # \d+, ID = /g)].length,
        kernelTunnels: number(/kernel tunnels (\d+)/),
        kernelSessions: number(/kernel sessions (\d+)/),
        pppd: number(/pppd (\d+)/),
      };
    },
    async idle() {
      const deadline = Date.now() + 15_000;
      for (;;) {
        const state = await end.state();
        if (Object.values(state).every((count) => count === 0)) return;
        if (Date.now() > deadline) {
          throw new Error(`${role} still has ${JSON.stringify(state)}\n${await end.log()}`);
        }
      }
    },
    log: () => guest.run(`tail -n 100 ${home}/log ${home}/ppp.log || true`),
  };
  return end;
}
