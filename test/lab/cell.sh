# Runs a script as process 1 of its own namespaces and in its own control
# groups: cell.sh ID SCRIPT ARG...
#
# When that script ends the kernel ends every process below it and drops its
# mounts and networks with it; there is nothing to clean up by name. Only the
# control groups outlive their processes and are removed here.
set -eu
id=$1
shift

# systemd-nspawn puts every container that it starts in the group "payload" next
# to itself: without groups of their own two hosts would have their sessions in
# the same ones. Only the two hierarchies that systemd writes to matter: its own
# of version 1, and the unified one, which has one of two places.
unified=/sys/fs/cgroup
[ -e $unified/cgroup.controllers ] || unified=/sys/fs/cgroup/unified
groups=$(sed -n -e 's|^[0-9]*:name=systemd:|/sys/fs/cgroup/systemd|p' -e "s|^0::|$unified|p" /proc/self/cgroup)

for group in $groups; do
	mkdir "$group/$id"
	echo $$ >"$group/$id/cgroup.procs"
done

status=0
unshare --fork --kill-child --pid --mount-proc --mount --ipc --uts -- sh -c "$@" || status=$?

# A group counts as busy for a moment after the last process in it was reaped.
for group in $groups; do
	echo $$ >"$group/cgroup.procs"
	for try in 1 2 3 4 5 6 7 8 9 10; do
		find "$group/$id" -depth -type d -exec rmdir {} + 2>/dev/null && break
		sleep 0.02
	done
done
exit $status
