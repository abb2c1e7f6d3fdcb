# Starts a host: host.sh NAME ROOT LINK ADDRESS ARG...
#
# It runs in a cell, in the network namespace of the clients. Everything is made
# below a /run of its own: the overlay, the network namespace of the host and
# what systemd-nspawn leaves there, so that no other test run can see it. ARG
# are further arguments for systemd-nspawn. Ends when standard input does, which
# is also what happens when the test that holds it is killed. The line "off" on
# standard input pulls the plug, and "on" boots the same root filesystem again.
set -eu
name=$1
root=$2
link=$3
address=$4
shift 4
exec 3<&0 </dev/null

mount -t tmpfs -o mode=0755 tmpfs /run
mkdir -p /run/lab/upper /run/lab/work /run/lab/root
mount -t overlay -o "lowerdir=$root,upperdir=/run/lab/upper,workdir=/run/lab/work" overlay /run/lab/root
echo "$name" >/run/lab/root/etc/hostname
: >/run/lab/root/etc/machine-id

ip netns add host
ip link add "$link" type veth peer name eth0 netns host
ip link set "$link" master br0 up
ip -n host link set lo up
ip -n host addr add "$address/16" dev eth0
ip -n host link set eth0 up

mkfifo /run/lab/switch
{
	while read -r word; do
		case $word in
		off)
			: >/run/lab/off
			# Process 1 of the host, and everything on it with that. Without
			# systemd-nspawn it would live on.
			nspawn=$(cat /run/lab/pid)
			kill -KILL $(cat /proc/$nspawn/task/*/children)
			;;
		on) echo on >/run/lab/switch ;;
		esac
	done
	: >/run/lab/off
	kill -KILL "$(cat /run/lab/pid)" || true # it may be off
	echo over >/run/lab/switch
} <&3 &

while :; do
	systemd-nspawn --quiet --directory=/run/lab/root --machine="$name" --register=no --keep-unit \
		--console=pipe --network-namespace-path=/run/netns/host \
		--resolv-conf=off --timezone=off --link-journal=no "$@" 3<&- &
	echo $! >/run/lab/pid
	status=0
	wait $! || status=$?
	[ -e /run/lab/off ] || exit $status
	rm /run/lab/off
	echo "lab: off"
	read -r word </run/lab/switch
	[ "$word" = on ] || exit 0
done
