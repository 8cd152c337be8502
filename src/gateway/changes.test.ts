import { expect, it } from "vitest";
import { changesBetween } from "./changes.js";
import { parseConfig, Secret } from "./config.js";

const config = (text: string) => parseConfig(`host-name: a\n${text}`).config;

it("says what differs", () => {
  const before = config(
    "access: [{ name: w, l2tp: { listen: 10.0.0.1 } }, { name: e, l2tp: { listen: 10.0.0.2 } }]\nlimits: { tunnels: 5 }",
  );
  const after = config(
    "access: [{ name: w, l2tp: { listen: 10.0.0.1, hello-interval: 5 } }, { name: n, l2tp: { listen: 10.0.0.3 } }]\npolicy: [{ accept: {} }]\nlog: { level: warn }",
  );
  expect(changesBetween(before, after)).toEqual([
    "access w: changed, for new tunnels",
    "access n: listens on 10.0.0.3:1701",
    "access e: no longer listens on 10.0.0.2:1701",
    "policy changed: 1 rule, for new calls",
    "log.level is warn",
    "limits changed: at the next start",
  ]);
  expect(changesBetween(after, after)).toEqual([]);
});

it("sees a changed secret", () => {
  const before = config("access: [{ l2tp: { listen: 10.0.0.1 } }]");
  const [entry] = before.access;
  const withSecret = (text: string) => ({
    ...before,
    access: [{ ...entry!, tunnel: { ...entry!.tunnel, secret: new Secret(Buffer.from(text)) } }],
  });
  expect(changesBetween(withSecret("a"), withSecret("a"))).toEqual([]);
  expect(changesBetween(withSecret("a"), withSecret("b"))).toHaveLength(1);
  expect(changesBetween(before, withSecret("b"))).toHaveLength(1);
});
