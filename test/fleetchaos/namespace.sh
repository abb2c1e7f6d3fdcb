# Runs a test with namespaces of its own: namespace.sh PROGRAM ARG...
#
# It is process 1 of new mount, network and PID namespaces: /run, where msgd
# listens and the test has its files, is in memory, the network can be cut, and
# nothing outlives it. Ends when standard input does, which is also what happens
# when the process that holds it is killed.
set -eu
exec 3<&0 </dev/null
umask 022
mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -p /run/chaos
export TMPDIR=/run/chaos
ip link set lo up

"$@" 3<&- &
test=$!
{
	cat >/dev/null
	kill -KILL $test
} <&3 &
wait $test
