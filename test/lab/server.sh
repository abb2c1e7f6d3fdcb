# The root filesystem of one Debian release: a server without a desktop.
# server.sh NEW SUITE
set -eu
new=$1
suite=$2
root=$new/root

# rpm is there to try packages of other distributions.
packages="systemd systemd-sysv dbus dbus-user-session libpam-systemd login passwd openssh-server
	util-linux bsdutils bsdextrautils procps iproute2 tmux rpm"

# That dpkg leaves out what nobody reads here is said by a file of its own, not
# by --dpkgopt, which takes longer. It goes at the end: the packages that are
# tested are installed whole.
lean=etc/dpkg/dpkg.cfg.d/lab
mmdebstrap --quiet --variant=apt \
	--include="$(echo $packages | tr ' ' ,)" \
	--aptopt='APT::Install-Recommends "false"' \
	--aptopt='Acquire::Languages "none"' \
	--extract-hook='printf "path-exclude=/usr/share/%s/*\n" doc man locale >"$1/'$lean'"' \
	"$suite" "$root"
rm -rf "$root/$lean" "$root"/usr/share/doc/* "$root"/usr/share/man/* "$root"/usr/share/locale/*

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
