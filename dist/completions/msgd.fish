# Completion in fish of msgd.

complete -c msgd -f
complete -c msgd -n __fish_use_subcommand -a serve -d 'Wait for msg and query'
complete -c msgd -n __fish_use_subcommand -a check -d 'Look at the configuration and the rights'
complete -c msgd -n __fish_use_subcommand -a relay -d 'Connect standard input and output with the socket'
complete -c msgd -n __fish_use_subcommand -a version -d 'Print the version'
complete -c msgd -n __fish_use_subcommand -a help -d 'Print help'
complete -c msgd -n '__fish_seen_subcommand_from serve check' -l config -r -d 'The configuration'
complete -c msgd -n '__fish_seen_subcommand_from serve check relay' -l socket -r -d 'Where clients connect'
complete -c msgd -l help -d 'Print help'
complete -c msgd -l version -d 'Print the version'
