# Completion in fish of query, qwinsta and quser.

function __query_names
    query session /json 2>/dev/null | string match -arg '"(?:name|user)":"([^"\\\\]+)"' | sort -u
end

function __query_words
    string match -rv '^[-/].' -- (commandline -opc)[2..-1] | count
end

for command in query qwinsta quser
    complete -c $command -f
    complete -c $command -l server -x -a '(__fish_print_hostnames)' -d 'Computers to ask'
    complete -c $command -l user -x -d 'The account on Windows computers'
    complete -c $command -l counter -d 'Add the number of sessions'
    complete -c $command -l limit -x -d 'How many messages are listed'
    complete -c $command -l json -d 'Print JSON objects'
    complete -c $command -l help -l h -l '?' -d 'Print help'
    complete -c $command -l version -d 'Print the version'
    for option in utf8 mode flow connect vm
        complete -c $command -l $option -d 'Without effect'
    end
    # The spelling of Windows.
    complete -c $command -n 'string match -q "/*" -- (commandline -ct)' -a '/server: /user: /counter /limit: /json /utf8 /mode /flow /connect /vm /help /h /? /version'
end
complete -c query -n 'test (__query_words) -eq 0' -a 'session user message host'
# Behind message and host stands no recipient.
complete -c query -n 'test (__query_words) -eq 1; and not string match -qr -- "^(message|host)\$" (commandline -opc)' -a '(__query_names)'
complete -c qwinsta -n 'test (__query_words) -eq 0' -a '(__query_names)'
complete -c quser -n 'test (__query_words) -eq 0' -a '(__query_names)'
