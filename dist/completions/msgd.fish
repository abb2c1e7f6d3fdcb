# Completion in fish of msgd.

complete -c msgd -f
complete -c msgd -n __fish_use_subcommand -a serve -d 'Wait for msg and query'
complete -c msgd -n __fish_use_subcommand -a check -d 'Look at the configuration and the rights'
complete -c msgd -n __fish_use_subcommand -a relay -d 'Connect standard input and output with the socket'
complete -c msgd -n __fish_use_subcommand -a join -d 'Make this computer a member of a fleet'
complete -c msgd -n __fish_use_subcommand -a hub -d 'The hub of a fleet'
complete -c msgd -n __fish_use_subcommand -a members -d 'List the members of the fleet'
complete -c msgd -n __fish_use_subcommand -a tag -d 'Give a member tags'
complete -c msgd -n __fish_use_subcommand -a operator -d 'Let a member send'
complete -c msgd -n __fish_use_subcommand -a revoke -d 'Take a member, or what it may, away'
complete -c msgd -n __fish_use_subcommand -a version -d 'Print the version'
complete -c msgd -n __fish_use_subcommand -a help -d 'Print help'
complete -c msgd -n '__fish_seen_subcommand_from serve check' -l config -r -d 'The configuration'
complete -c msgd -n '__fish_seen_subcommand_from serve check relay' -l socket -r -d 'Where clients connect'
complete -c msgd -l help -d 'Print help'
complete -c msgd -l version -d 'Print the version'
