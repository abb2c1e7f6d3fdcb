# A computer of its own, as far as msg and msgd see one: member.sh NAME ADDRESS
#
# It is process 1 of new mount, network, UTS, PID and IPC namespaces, with
# nothing of the computer below it in /run, /var/lib/msg and /etc/msg, and with
# terminals of its own. The test gives it a network. It ends when standard input
# does, and everything in it with it.
set -eu
umask 022
mount -t tmpfs -o mode=0755 tmpfs /run
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts /dev/pts
mount --bind /dev/pts/ptmx /dev/ptmx
for folder in /etc /var/lib; do # the rest of them stays as it is
	mkdir -p "/run/upper$folder" "/run/work$folder"
	mount -t overlay -o "lowerdir=$folder,upperdir=/run/upper$folder,workdir=/run/work$folder" overlay "$folder"
done
rm -rf /etc/msg /var/lib/msg
printf '%s\n' 'root:x:0:0:root:/root:/bin/sh' 'bob:x:1002:1002:Bob:/nonexistent:/bin/sh' >/etc/passwd
printf '%s\n' 'root:x:0:' 'tty:x:5:' 'bob:x:1002:' >/etc/group
printf 'passwd: files\ngroup: files\nhosts: files\n' >/etc/nsswitch.conf
hostname "$1"
ip link set lo up
echo up
exec cat >/dev/null
