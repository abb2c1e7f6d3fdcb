# Completion in fish of msg.

# Users who are signed in, and names of sessions. Names that JSON has to escape
# are left out.
function __msg_names
    query session /json 2>/dev/null | string match -arg '"(?:name|user)":"([^"\\\\]+)"' | sort -u
end

# Recipients: the last of a list, or a file of them.
function __msg_recipients
    set -l head (commandline -ct | string replace -r '[^,]*$' '')
    set -l last (commandline -ct | string match -r '[^,]*$')
    if string match -q '@*' -- $last
        for path in (string sub -s 2 -- $last)*
            echo $head@$path
        end
        return
    end
    for name in (__msg_names)
        echo $head$name
    end
end

# How many words there are that are neither options nor their values, up to
# what is being typed; more than one, and the message has begun.
function __msg_words
    set -l value no
    set -l count 0
    for word in (commandline -opc)[2..-1]
        if test $value = yes
            set value no
        else if string match -qr -- '^--(server|user|time|title|buttons|answer)$' $word
            set value yes
        else if not string match -qr -- '^[-/].' $word
            set count (math $count + 1)
        end
    end
    echo $count
end

function __msg_option
    test (__msg_words) -le 1; and not contains -- -- (commandline -opc)
end

# Behind the option itself.
function __msg_dnd
    string match -qr -- '^(--?|/)dnd$' (commandline -opc)[-1]
end

complete -c msg -f
complete -c msg -n 'test (__msg_words) -eq 0; and not __msg_dnd' -a '(__msg_recipients)' -d Recipient
complete -c msg -n __msg_dnd -a 'on off until'
complete -c msg -n __msg_option -l server -x -a '(__fish_print_hostnames)' -d 'Computers to send to'
complete -c msg -n __msg_option -l user -x -d 'The account on Windows computers'
complete -c msg -n __msg_option -l time -x -d 'How long it is shown: seconds, 90s, 10m, 2h'
complete -c msg -n __msg_option -l title -x -d 'The line above the message'
complete -c msg -n __msg_option -l buttons -x -a 'ok okcancel yesno yesnocancel retrycancel' -d 'Ask a question, and wait'
complete -c msg -n __msg_option -l v -d 'Say what is done'
complete -c msg -n __msg_option -l w -d 'Wait for the answers'
complete -c msg -n __msg_option -l json -d 'Print JSON objects'
complete -c msg -n __msg_option -l ok -d 'Press OK for the message in this terminal'
complete -c msg -n __msg_option -l answer -x -a 'ok cancel yes no retry' -d 'Press another button'
complete -c msg -n __msg_option -l queue -d 'Keep it for people who are not signed in'
complete -c msg -n __msg_option -l dnd -d 'Do not disturb'
complete -c msg -n __msg_option -l doctor -d 'Print a report for others'
complete -c msg -n __msg_option -l utf8 -d 'Without effect: output is UTF-8'
complete -c msg -n __msg_option -l help -l h -l '?' -d 'Print help'
complete -c msg -n __msg_option -l version -d 'Print the version'

# The spelling of Windows.
function __msg_slash
    __msg_option; and string match -q '/*' -- (commandline -ct)
end
complete -c msg -n __msg_slash -a '/buttons:{ok,okcancel,yesno,yesnocancel,retrycancel}'
complete -c msg -n __msg_slash -a '/answer:{ok,cancel,yes,no,retry}'
complete -c msg -n __msg_slash -a '/server: /user: /time: /title: /buttons: /v /w /json /ok /answer: /queue /dnd /doctor /utf8 /help /h /? /version'
