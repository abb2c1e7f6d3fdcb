# Runs a test with namespaces of its own: namespace.sh PROGRAM ARG...
#
# It is process 1 of new mount, network, UTS and PID namespaces, so that port
# 445, /run/samba, the accounts and the name of the computer are those of the
# test, and nothing of them outlives it. Ends when standard input does, which is
# also what happens when the process that holds it is killed.
set -eu
exec 3<&0 </dev/null
umask 022
mount -t tmpfs -o mode=0755 tmpfs /run
for dir in /etc/samba /var/lib/samba /var/cache/samba /var/log/samba; do
	mount -t tmpfs -o mode=0755 tmpfs "$dir"
done
mkdir -p /run/samba /run/msg-samba /var/lib/samba/private
cd /run/msg-samba
cat >passwd <<-'END'
	root:x:0:0:root:/root:/bin/sh
	nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
	alice:x:1001:1001:Alice:/nonexistent:/usr/sbin/nologin
	bob:x:1002:1002:Bob:/nonexistent:/usr/sbin/nologin
	mallory:x:1003:1003:Mallory:/nonexistent:/usr/sbin/nologin
END
cat >group <<-'END'
	root:x:0:
	nogroup:x:65534:
	users:x:100:
	winbindd_priv:x:997:
	alice:x:1001:
	bob:x:1002:
	mallory:x:1003:
	msg:x:900:alice
	admins:x:901:bob
END
printf '%s: files\n' passwd group shadow hosts services protocols >nsswitch.conf
echo "127.0.0.1 localhost linuxbox linuxbox.msg.test" >hosts
n=1
while [ $n -le 200 ]; do # more names of the same computer
	echo "127.0.1.$n h$n h$n.msg.test" >>hosts
	n=$((n + 1))
done
for file in passwd group nsswitch.conf hosts; do
	mount --bind $file /etc/$file
done
hostname linuxbox
ip link set lo up
cd "$OLDPWD"

"$@" 3<&- &
test=$!
{
	cat >/dev/null
	kill -KILL $test
} <&3 &
wait $test
