import fc from "fast-check";
import { expect, test } from "vitest";
import { parseChapSecrets } from "./chap-secrets.js";

const parse = (text: string) => parseChapSecrets(text, "chap-secrets");

const found = (text: string, client: string, server = "lns") => {
  const user = parse(text).secrets.find(client, server);
  return user && { secret: Buffer.from(user.secret.reveal()).toString("latin1"), address: user.address };
};

test("a line has client, server, secret and addresses; comments and empty lines have none", () => {
  const text = `# Secrets for authentication using CHAP
# client\tserver\tsecret\t\t\tIP addresses

alice\t*\tsecret-a\t10.0.0.1 # hers
bob lns secret-b *
carol * secret-c
dora * secret-d -
`;
  expect(parse(text).problems).toEqual([]);
  expect(parse(text).secrets.size).toBe(4);
  expect(found(text, "alice")).toEqual({ secret: "secret-a", address: { fixed: "10.0.0.1" } });
  expect(found(text, "bob")).toEqual({ secret: "secret-b", address: "any" });
  expect(found(text, "bob", "other")).toBeUndefined();
  expect(found(text, "carol")).toEqual({ secret: "secret-c", address: "any" });
  expect(found(text, "dora")).toEqual({ secret: "secret-d", address: "none" });
  expect(found(text, "eve")).toBeUndefined();
});

test("quotes and escapes are pppd's", () => {
  const text = String.raw`"a b" * "it's # fine" *
o\ k * 'say "yes"'\!  *
bytes * \x41\101\xff\s\t *
joined * one\
two *
`;
  expect(found(text, "a b")?.secret).toBe("it's # fine");
  expect(found(text, "o k")?.secret).toBe('say "yes"!');
  expect(found(text, "bytes")?.secret).toBe("AA\xff \t");
  expect(found(text, "joined")?.secret).toBe("onetwo");
});

test.each([
  ["our name counts more than the peer's", "* lns by-server\nalice * by-client\n", "by-server"],
  ["both names count most", "* * any\nalice * by-client\n* lns by-server\nalice lns exact\n", "exact"],
  ["a peer's name counts more than none", "* * any\nalice * by-client\n", "by-client"],
  ["of equals the first stands", "alice * first\nalice * second\n", "first"],
])("%s", (_, text, secret) => {
  expect(found(text, "alice")?.secret).toBe(secret);
});

test("only addresses are read; what follows -- is not", () => {
  expect(found("alice * x 10.0.0.0/8 !10.0.0.9 10.0.0.7 10.0.0.8 -- mtu 1400\n", "alice")?.address).toEqual({
    fixed: "10.0.0.7",
  });
});

test("mistakes have their place, show no secret, and cost their line alone", () => {
  const { secrets, problems } = parse(
    `alice *
bob * "hush
 carol * hush gateway.example
dora * @/etc/hush
eve * fine
`,
  );
  expect(secrets.size).toBe(1);
  expect(problems).toEqual([
    { file: "chap-secrets", path: "", line: 1, column: 8, message: expect.stringContaining("expected: client server") },
    { file: "chap-secrets", path: "", line: 2, column: 7, message: "found no end of the quotes" },
    { file: "chap-secrets", path: "", line: 3, column: 15, message: expect.stringContaining('"gateway.example"') },
    { file: "chap-secrets", path: "", line: 4, column: 8, message: expect.stringContaining("a file") },
  ]);
  expect(JSON.stringify(problems)).not.toContain("hush");
});

test("no text makes the reader fail", () => {
  const character = fc.constantFrom(..."ab*-@/\\\"' #\n\tx41:.");
  const text = fc.array(character, { maxLength: 60 }).map((characters) => characters.join(""));
  fc.assert(fc.property(text, (given) => void parse(given)));
});
