# Builds the root filesystem of one Debian release: build.sh SUITE TARGET
#
# TARGET/root is the filesystem, TARGET/key the private key that opens every
# account of it. The name of TARGET carries a hash of this script, so that any
# change here builds anew.
set -eu
umask 022
suite=$1
target=$2

# One builder at a time; the one that waited finds the work done. Every process
# of a build holds the lock, so whatever lies under the temporary name now was
# left by one that was interrupted and has ended.
exec 9>"$target.lock"
flock 9
[ ! -d "$target" ] || exit 0
new=$target.new
root=$new/root
rm -rf "$new"
mkdir -p "$new"

packages="systemd systemd-sysv dbus dbus-user-session libpam-systemd login passwd openssh-server
	util-linux bsdutils bsdextrautils procps iproute2 tmux"
mmdebstrap --quiet --variant=apt \
	--include="$(echo $packages | tr ' ' ,)" \
	--aptopt='APT::Install-Recommends "false"' \
	--aptopt='Acquire::Languages "none"' \
	--dpkgopt='path-exclude=/usr/share/doc/*' \
	--dpkgopt='path-exclude=/usr/share/man/*' \
	--dpkgopt='path-exclude=/usr/share/locale/*' \
	"$suite" "$root"

# The tests compare with wall, so an image without it is worth nothing.
test -x "$root/usr/bin/wall"

ssh-keygen -q -t ed25519 -N '' -C lab -f "$new/key"
cp "$new/key.pub" "$root/etc/ssh/lab_keys"

# Thirty logins at the same moment are more than the default MaxStartups lets
# in, and a reverse look-up would wait for a name server that is not there.
cat >"$root/etc/ssh/sshd_config.d/lab.conf" <<-'END'
	AuthorizedKeysFile /etc/ssh/lab_keys
	MaxStartups 200
	MaxSessions 200
	UseDNS no
	SetEnv LANG=C.UTF-8
END
echo LANG=C.UTF-8 >"$root/etc/default/locale"

# The prompt tells the test which terminal it has got. PROMPT_COMMAND has the
# last word over ~/.bashrc.
cat >>"$root/etc/bash.bashrc" <<-'END'
	LAB_TTY=$(tty)
	PROMPT_COMMAND='PS1="lab[$LAB_TTY]\$ "'
END

# Nothing a host of a minute's life needs, and each costs boot time or starts
# work in the middle of a test.
for unit in apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer \
	console-getty.service getty.target ldconfig.service systemd-journal-catalog-update.service; do
	ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*

mv -T "$new" "$target"
