# Completion in fish of msgd.

# Whether one of these commands is typed; some are two words.
function __msgd_command
	set -l words (commandline -opc)
	set -e words[1]
	if contains -- "$words[1]" hub operator; and set -q words[2]
		set words[1] "$words[1] $words[2]"
	end
	contains -- "$words[1]" $argv
end

complete -c msgd -f
complete -c msgd -n __fish_use_subcommand -a serve -d 'Wait for msg and query'
complete -c msgd -n __fish_use_subcommand -a check -d 'Look at the configuration and the rights'
complete -c msgd -n __fish_use_subcommand -a relay -d 'Connect standard input and output with the socket'
complete -c msgd -n __fish_use_subcommand -a join -d 'Make this computer a member of a fleet'
complete -c msgd -n __fish_use_subcommand -a forward -d 'Connect msgd with its hub'
complete -c msgd -n __fish_use_subcommand -a hub -d 'The hub of a fleet'
complete -c msgd -n __fish_use_subcommand -a doctor -d 'Look at what a fleet needs'
complete -c msgd -n __fish_use_subcommand -a members -d 'List the members of the fleet'
complete -c msgd -n __fish_use_subcommand -a tag -d 'Give a member tags'
complete -c msgd -n __fish_use_subcommand -a operator -d 'Let a member send'
complete -c msgd -n __fish_use_subcommand -a revoke -d 'Take a member, or what it may, away'
complete -c msgd -n __fish_use_subcommand -a version -d 'Print the version'
complete -c msgd -n __fish_use_subcommand -a help -d 'Print help'
complete -c msgd -n __fish_use_subcommand -l version -d 'Print the version'
complete -c msgd -n '__msgd_command hub' -a init -d 'Make the hub'
complete -c msgd -n '__msgd_command hub' -a serve -d 'Serve the fleet'
complete -c msgd -n '__msgd_command hub' -a token -d 'Make a token with which computers join'
complete -c msgd -n '__msgd_command operator' -a add -d 'Let a member, or somebody on it, send'
complete -c msgd -n '__msgd_command forward' -F
complete -c msgd -n '__msgd_command serve check join doctor' -l config -r -F -d 'The configuration'
complete -c msgd -n '__msgd_command serve check relay' -l socket -r -F -d 'Where clients connect'
complete -c msgd -n '__msgd_command join' -l name -x -d 'What the hub is to call this computer'
complete -c msgd -n '__msgd_command doctor members tag revoke "hub init" "hub serve" "hub token" "operator add"' -l hub -r -F -d 'Folder of the hub'
complete -c msgd -n '__msgd_command "hub init"' -l listen -x -d 'Where the hub waits, HOST:PORT'
complete -c msgd -n '__msgd_command "hub init"' -l address -x -d 'How members reach it'
complete -c msgd -n '__msgd_command "hub init"' -l cluster -x -d 'Nats-servers of the site'
complete -c msgd -n '__msgd_command "hub init"' -l ca -r -F -d 'Certificate of their authority'
complete -c msgd -n '__msgd_command "hub init"' -l offline -d 'Do not keep the key of the organisation'
complete -c msgd -n '__msgd_command "hub init"' -l leaf-of -x -d 'Token of the main hub'
complete -c msgd -n '__msgd_command "hub init" "hub token"' -l site -x -d 'Name of the site of a leaf hub'
complete -c msgd -n '__msgd_command "hub init"' -l summary -x -d 'Targets from which on a leaf hub sums up'
complete -c msgd -n '__msgd_command "hub token"' -l uses -x -d 'How many computers may join'
complete -c msgd -n '__msgd_command "hub token"' -l for -x -d 'How long it holds'
complete -c msgd -n '__msgd_command "operator add"' -l may -x -d 'What it may do'
complete -c msgd -n '__msgd_command "operator add" revoke' -l key -r -F -d 'File with the key of the organisation'
complete -c msgd -n '__msgd_command revoke' -l grant -d 'Take only away what it may'
complete -c msgd -l help -d 'Print help'
