import type { Command } from 'commander';
import { does } from '../command.ts';

/** Each script calls the hidden command `complete`. */
const scripts: Readonly<Record<string, string>> = {
  bash: `_collector() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -W "$("\${COMP_WORDS[0]}" complete -- "\${COMP_WORDS[@]:1:COMP_CWORD-1}" 2>/dev/null)" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _collector collector ./collector`,
  zsh: `_collector() {
  local -a words_after
  words_after=("\${(@f)$("\${words[1]}" complete -- "\${(@)words[2,CURRENT-1]}" 2>/dev/null)}")
  compadd -a words_after || _files
}
compdef _collector collector ./collector`,
  fish: `complete -c collector -a '(set -l typed (commandline -opc); $typed[1] complete -- $typed[2..-1] 2>/dev/null)'`,
};

export function completion(command: Command): void {
  command.description('Prints a completion script, which completes commands, options and instance names.');
  command.addHelpText(
    'after',
    `
Examples:
  $ source <(collector completion bash)
  $ source <(collector completion zsh)
  $ collector completion fish | source`,
  );
  const [shell] = command.registeredArguments;
  shell?.choices(Object.keys(scripts));
  does<[string]>(command, async (_, __, shell) => {
    process.stdout.write(`${scripts[shell]}\n`);
    return undefined;
  });
}
