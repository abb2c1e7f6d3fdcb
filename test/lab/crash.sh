# Sends messages from several senders at once, each numbered, while msgd is
# killed again and again: crash.sh SENDERS MESSAGES
#
# Prints "sent S-N" for each that msg says was sent, "killed" for each kill.
set -eu
mkdir -p /etc/systemd/system/msgd.service.d /etc/systemd/system/msgd.socket.d
# Being killed again and again is not what the limits are for.
printf '[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestartSec=10ms\n' >/etc/systemd/system/msgd.service.d/crash.conf
printf '[Socket]\nTriggerLimitIntervalSec=0\n' >/etc/systemd/system/msgd.socket.d/crash.conf
systemctl daemon-reload
systemctl stop msgd.service
systemctl restart msgd.socket
systemctl start msgd.service

sender() {
	for n in $(seq 1 "$2"); do
		if timeout 60 msg bob "crash-$1-$n-end" 2>/dev/null; then
			echo "sent $1-$n"
		fi
	done
}

killer() {
	while :; do
		sleep "0.$(printf %03d $((RANDOM % 500 + 80)))"
		pid=$(systemctl show --property MainPID --value msgd.service)
		if [ "$pid" -gt 1 ] && kill -KILL "$pid" 2>/dev/null; then
			echo killed
		fi
	done
}

killer &
killing=$!
senders=
for s in $(seq 1 "$1"); do
	sender "$s" "$2" &
	senders="$senders $!"
done
wait $senders
kill $killing
wait $killing || true
