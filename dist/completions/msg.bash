# Completion in bash of msg, query, qwinsta, quser and msgd.
#
# bash takes /time:60 and --time=60 apart at : and =, so what is typed is read
# from the line; candidates are whole words, and what bash counts as an earlier
# word is cut off them in the end. Names of people are never given to compgen,
# which would expand them.

# The options of each command; = stands behind those that need a value.
_msg_options() {
	case $1 in
	msg) echo server= user= time= title= buttons= v w json ok answer= queue dnd doctor utf8 help h '?' version ;;
	query | qwinsta | quser) echo server= user= counter limit= json utf8 mode flow connect vm help h '?' version ;;
	esac
}

# What the value of an option can be, a line for each.
_msg_values() {
	case $1 in
	buttons) printf '%s\n' ok okcancel yesno yesnocancel retrycancel ;;
	answer) printf '%s\n' ok cancel yes no retry ;;
	dnd) printf '%s\n' on off until ;;
	time) printf '%s\n' 0 60 10m 2h ;;
	queue) printf '%s\n' 12h 7d ;;
	server) printf '%s\n' localhost && compgen -A hostname ;;
	config | socket | ca | key) compgen -f -- "$2" ;;
	hub) compgen -d -- "$2" ;;
	esac
}

# Users who are signed in, and names of sessions. Names that JSON has to escape
# are left out.
_msg_names() {
	query session /json 2>/dev/null | grep -oE '"(name|user)":"[^"\\]+"' | cut -d'"' -f4 | sort -u
}

# Writes name as one has to type it. What is offered goes on the line as it is,
# and a name may be several words, or a command.
_msg_quote() {
	case $name in
	*[[:space:]\!\"\#\$\&\'\(\)\*\;\<\>\?\[\\\]\`\{\|\}\~]*) printf -v name %q "$name" ;;
	esac
}

# Recipients: the last of a list, or a file of them.
_msg_recipients() {
	local last=${1##*,} head=${1%"${1##*,}"} name
	[[ $last != @* ]] || head+=@
	case $last in
	@*) compgen -f -- "${last#@}" ;;
	*) _msg_names ;;
	esac | while IFS= read -r name; do
		_msg_quote
		printf '%s\n' "$head$name"
	done
}

# Options and their values, in the spelling that was begun.
_msg_option() {
	local command=$1 word=$2 mark=-- name
	case $word in
	/*) mark=/ ;;
	esac
	if [[ $word =~ ^(--?|/)([a-z]+)[:=](.*)$ ]]; then
		_msg_values "${BASH_REMATCH[2]}" "${BASH_REMATCH[3]}" |
			while IFS= read -r name; do printf '%s\n' "${word%"${BASH_REMATCH[3]}"}$name"; done
		return
	fi
	for name in $(set -f && _msg_options "$command"); do
		case $mark$name in
		/*=) printf '%s\n' "/${name%=}:" ;;
		*) printf '%s\n' "$mark$name" ;;
		esac
	done
}

# msg and query: prints the candidates for the last of the words.
_msg_candidates() {
	local command=$1 kind='' recipient='' ended='' value='' dnd='' word
	shift
	[[ $command == query ]] || kind=yes
	while (($# > 1)); do
		word=$1
		shift
		if [[ $value ]]; then
			value=''
		elif [[ ! $ended && $word == -- ]]; then
			ended=yes
		elif [[ ! $ended && $word == [-/]?* ]]; then
			[[ $word =~ ^(--?|/)dnd$ ]] && dnd=yes
			[[ $word == --[a-z]* && " $(_msg_options "$command") " == *" ${word#--}= "* ]] && value=${word#--}
		elif [[ ! $kind ]]; then
			kind=$word
		elif [[ ! $recipient ]]; then
			recipient=yes
		else
			return # the message
		fi
	done
	if [[ $value ]]; then
		_msg_values "$value" "$1"
	elif [[ ! $ended && $1 == [-/]* ]]; then
		_msg_option "$command" "$1"
	elif [[ ! $kind ]]; then
		printf '%s\n' session user message host
	elif [[ $recipient || $kind == message || $kind == host ]]; then
		return # there, an ID or a member
	elif [[ $dnd ]]; then
		_msg_values dnd
	else
		_msg_recipients "$1"
	fi
}

# The options of each command of msgd.
_msgd_options() {
	case $1 in
	serve | check) echo config socket ;;
	relay) echo socket ;;
	join) echo config name ;;
	doctor) echo config hub ;;
	'hub init') echo hub listen address cluster ca offline leaf-of site summary ;;
	'hub token') echo hub uses for site ;;
	'hub serve' | members | tag) echo hub ;;
	'operator add') echo hub may key ;;
	revoke) echo hub key grant ;;
	esac
}

_msgd_candidates() {
	local command=$1 before=${*: -2:1} last=${*: -1} name
	if (($# == 1)); then
		printf '%s\n' serve check relay join forward hub doctor members tag operator revoke version help --version --help
		return
	fi
	case $command,$# in
	hub,2) printf '%s\n' init serve token ;;
	operator,2) printf '%s\n' add ;;
	hub,* | operator,*) command+=" $2" ;;
	esac
	case $before in
	--offline | --grant | --help) ;;
	--*)
		_msg_values "${before#--}" "$last"
		return
		;;
	esac
	[[ $command != forward ]] || compgen -f -- "$last"
	[[ $last != -* ]] || for name in $(_msgd_options "$command") help; do printf '%s\n' "--$name"; done
}

_msg_complete() {
	local line=${COMP_LINE:0:COMP_POINT} current=${COMP_WORDS[COMP_CWORD]} command=${1##*/} words word cut candidate
	read -ra words <<<"$line"
	[[ $line == *[[:space:]] ]] && words+=('')
	word=${words[-1]}
	# The part of the word that bash counts as words before this one.
	[[ $current == [:=] ]] && current=''
	cut=0
	[[ ${#word} -gt ${#current} && $word == *[:=]* ]] && cut=$((${#word} - ${#current}))
	COMPREPLY=()
	while IFS= read -r candidate; do
		[[ $candidate == "$word"* ]] && COMPREPLY+=("${candidate:cut}")
	done < <(
		case $command in
		msgd) _msgd_candidates "${words[@]:1}" ;;
		*) _msg_candidates "$command" "${words[@]:1}" ;;
		esac
	)
	# A value or another recipient may follow at once.
	case ${COMPREPLY[0]-} in
	*[:=,]) compopt -o nospace 2>/dev/null ;;
	esac
}

complete -F _msg_complete msg query qwinsta quser msgd
