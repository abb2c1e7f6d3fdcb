package cli

import (
	"runtime/debug"
	"strings"
)

// version is that of a release; the linker sets it, see the Makefile.
var version string

// Version is that of the release, or else what the module system knows of this
// build.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}

// Usage is the short form, shown under an error.
func Usage(command string) string {
	if command == "query" {
		return queryUsage
	}
	return msgUsage
}

const msgUsage = `MSG {user | session | id | user:id | @file | *} [/SERVER:host[,host...]]
    [/USER:name] [/TIME:seconds] [/TITLE:text] [/BUTTONS:set] [/V] [/W]
    [/JSON] [/QUEUE[:time]] [message]
MSG {/OK[:id] | /ANSWER:text[:id] | /DND [ON | OFF | UNTIL time] | /DOCTOR}
`

const queryUsage = `QUERY {SESSION | USER} [name | user | id]
    [/SERVER:host[,host...]] [/USER:name] [/COUNTER] [/JSON]
QUERY MESSAGE [id] [/SERVER:host[,host...]] [/LIMIT:number] [/JSON]
QUERY HOST [name] [/JSON]
`

// Help is the long form, for /?.
func Help(command string) string { return helpFor(onWindows, command) }

func helpFor(windows bool, command string) string {
	help := msgHelp
	if command == "query" {
		help = queryHelp
	}
	if windows { // there the quotes would be a part of the word
		help = strings.NewReplacer("'*'", "*", "'lab-*'", "lab-*", "'/server:*'", "/server:*").Replace(help)
	}
	return help
}

const msgHelp = `Send a message to a user.

` + msgUsage + `
Everybody who is signed in to this computer sees it:

    msg '*' Meeting in 5 minutes

Quote the star in a Unix shell. Instead of * write a user (bob), a session
(pts/3, tty2, console), a session's ID (42), one session of a user (bob:42), a
pattern (adm*), a list (alice,bob), or @file for a file of these; @- is
standard input. Somebody who is meant twice gets the message once.

Options stand before or after the recipient, up to the first word of the
message; -- ends them, if the message begins with / or -. All of them can be
written as /time:60, --time=60, --time 60 or -time:60.

    /server:HOST    the computer, by Windows' remote calls or by ssh, or @file
                    for a list of them; rpc://pc42 and ssh://bob@web1:2222 say
                    how. In a fleet also *, lab-* and tag:lab.
    /user:NAME      the account on Windows computers, as in CORP\bob; the
                    password is asked for. @file has both. Without it the
                    Kerberos ticket of kinit is used.
    /time:N         how long the message stays and an answer is waited for:
                    seconds, or 90s, 10m, 2h; 60 if left out; 0 is until it
                    is answered.
    /title:TEXT     instead of "Message from SENDER DATE TIME".
    /v              say what is done. /v:TEXT is /v /title:TEXT.
    /json           say it as JSON objects, one a line.
    /w              wait until everybody has answered.
    /buttons:SET    ask a question, and wait: ok, okcancel, yesno, yesnocancel
                    or retrycancel.
    /queue:TIME     keep the message for people who are not signed in, for 12
                    hours if left out (90s, 10m, 2h, 7d).

Without a message it is read from standard input, up to the end of the file.
^n in it begins a new line (^^n is a plain ^n):

    msg bob,alice /title:Maintenance "Down at 18:00.^nPlease save your work."
    df -h /home | msg bob
    msg bob -- /home is full

Whoever is asked answers in the terminal that shows the message, or anywhere
with the ID that it shows. For a while nobody may be disturbed:

    msg /ok
    msg /answer:yes
    msg /dnd until 17:00

Where something does not work, a report that can be shown to others:

    msg /doctor

Messages are plain text of at most 8192 bytes. Control characters are made
visible, so that a message can do nothing but be read.

Exit status: 0 sent to all, with /w answered by all; 1 something failed; 2
wrong usage; 3 somebody did not answer in time; 130 interrupted. /version tells
the version. See msg(1) and query(1).
`

const queryHelp = `Show who is signed in, and what was sent.

` + queryUsage + `
query session lists the places where somebody can be reached, query user the
people with idle time and sign-in time. > marks your own session. The columns
are those of Windows; qwinsta and quser are other names of the two.

    query session
    query user bob
    query session pts/3 /json

Instead of all you may ask for one session (pts/3, console), user or ID, for a
list (alice,bob) or a pattern (adm*). /server:HOST names the computer, which is
reached by Windows' remote calls or by ssh, and /user:NAME the account on a
Windows computer. /counter adds totals, /json prints one JSON object a line
with the full names. An idle time of . is less than a minute, 3+13:42 is 3
days, 13 hours and 42 minutes.

query message lists the newest messages: yours or, for an administrator, all;
100 of them, or as many as /limit says. With an ID from that list it tells all
of one, answers included:

    query message
    query message 5DTB4K

query host lists the computers of the fleet, when each was there, and its tags;
/server:* asks all of them:

    query host 'lab-*'
    query session '/server:*'

Exit status: 0 all that was asked for is listed; 1 something is not there, or
an error; 2 wrong usage; 130 interrupted. /version tells the version. See
query(1) and msg(1).
`
