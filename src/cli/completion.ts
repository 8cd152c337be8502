/** Completion for bash, from the table: objects, then commands, then keywords and the words that their values may be. */
import { globalOptions } from "./globals.js";
import type { Command, ObjectSpec, Value } from "./grammar.js";

const isFile = (value: Value | undefined): boolean => value === "FILE";

/** Keyed by the words before it, as `tunnel show`; what may follow, and whether files may. */
function entries(objects: readonly ObjectSpec[]): readonly (readonly [key: string, words: string, files: boolean])[] {
  return objects.flatMap((object) =>
    object.commands.map((command) => {
      const key = `${object.name} ${command.name}`.trim();
      const files = command.operands?.some(({ name }) => isFile(name)) === true;
      return [key, wordsOf(object, command).join(" "), files] as const;
    }),
  );
}

const wordsOf = (object: ObjectSpec, command: Command): readonly string[] => [
  ...(command.name === "" || command !== object.commands[0] ? [] : object.commands.map(({ name }) => name)),
  ...(command.operands ?? []).flatMap(({ value }) => value ?? []),
  ...(command.keywords ?? []).map(({ name }) => name),
  ...(command.options ?? []).map(({ long }) => `--${long}`),
];

const values = (objects: readonly ObjectSpec[]): ReadonlyMap<string, readonly string[]> =>
  new Map(
    objects.flatMap(({ commands }) =>
      commands.flatMap(({ keywords = [] }) =>
        keywords.flatMap(({ name, value }) => (typeof value === "string" ? [] : [[name, value] as const])),
      ),
    ),
  );

export function bashCompletion(objects: readonly ObjectSpec[]): string {
  const fileOptions = [...globalOptions, ...objects.flatMap(({ commands }) => commands.flatMap((c) => c.options ?? []))]
    .filter((option) => "value" in option && isFile(option.value))
    .map(({ long }) => `--${long}`);
  const fileOperands = objects
    .filter(({ commands: [first] }) => first.operands?.some(({ name }) => isFile(name)) === true)
    .map(({ name }) => name);
  const valueCases = [...values(objects)].map(([name, words]) => `    ${name}) words="${words.join(" ")}" ;;`);
  return `# Completion of junctor for bash; made by: junctor completion bash
_junctor() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} words="" files="" object="" command="" word
  COMPREPLY=()
  case $previous in
    -b|-c|${[...new Set(fileOptions)].join("|")}) COMPREPLY=($(compgen -f -- "$current")); return ;;
${valueCases.join("\n")}
  esac
  if [[ -z $words ]]; then
    for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
      [[ $word == -* ]] && continue
      if [[ -z $object ]]; then object=$word; elif [[ -z $command ]]; then command=$word; fi
    done
    case $object in
      "") words="${objects.map(({ name }) => name).join(" ")} ${globalOptions.map(({ long }) => `--${long}`).join(" ")}" ;;
      ${fileOperands.join("|")}) COMPREPLY=($(compgen -f -- "$current")); return ;;
      help) words="${objects.map(({ name }) => name).join(" ")}" ;;
    esac
  fi
  [[ -z $words ]] && case "$object $command" in
${entries(objects)
  .filter(([key]) => key.includes(" "))
  .map(([key, words, files]) => `    "${key}") words="${words}"${files ? " files=yes" : ""} ;;`)
  .join("\n")}
  esac
  [[ -z $words ]] && case $object in
${objects.map((object) => `    ${object.name}) words="${wordsOf(object, object.commands[0]).join(" ")}" ;;`).join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [[ -n $files ]] && COMPREPLY+=($(compgen -f -- "$current"))
  return 0
}
complete -F _junctor junctor
`;
}
