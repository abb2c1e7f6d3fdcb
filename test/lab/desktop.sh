# What all root filesystems with a desktop have in common: a server of the same
# release, and more packages. A recipe of one follows.
# desktop.sh NEW BASE
set -eu
new=$1
base=$2
root=$new/root
cp "$base/key" "$base/key.pub" "$new"

# Programs for the robot that looks and clicks, a terminal, and fonts that have
# nearly every character.
common="at-spi2-core x11-utils xdotool xterm libnotify-bin xwayland
	fontconfig fonts-dejavu-core fonts-wqy-microhei fonts-noto-color-emoji"

install_packages() { # install_packages NAME...
	lean=etc/dpkg/dpkg.cfg.d/lab # as in server.sh
	mmdebstrap --quiet --variant=custom \
		--aptopt='APT::Install-Recommends "false"' \
		--aptopt='Acquire::Languages "none"' \
		--setup-hook='cp -a "'"$base"'/root/." "$1"' \
		--setup-hook='printf "path-exclude=/usr/share/%s/*\n" doc man locale >"$1/'$lean'"' \
		--customize-hook='chroot "$1" apt-get install -qq --option=Dpkg::Use-Pty=0 --yes '"$(echo $common "$@")" \
		'' "$root"
	rm -rf "$root/$lean" "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*

	# A program in every session, which knows the environment there and starts
	# what it is told to.
	install_file usr/local/bin/lab-session 755 <<-'END'
		#!/bin/sh
		set -eu
		cd "$XDG_RUNTIME_DIR"
		mkfifo -m 600 lab-start
		env -0 >lab-env.new
		mv lab-env.new lab-env
		exec 3<>lab-start
		while read -r command <&3; do
			setsid sh -c "$command" 3<&- &
		done
	END
	install_file etc/xdg/autostart/lab.desktop <<-'END'
		[Desktop Entry]
		Type=Application
		Name=lab
		Exec=/usr/local/bin/lab-session
	END
}

install_file() { # install_file PATH [MODE], with the content on standard input
	install -D -m "${2:-644}" /dev/stdin "$root/$1"
}
