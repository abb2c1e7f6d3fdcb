# The root filesystem of a computer with a desktop: the server of the same
# release, and XFCE under lightdm, and sway.
# desktop.sh NEW BASE
set -eu
new=$1
base=$2
root=$new/root
cp "$base/key" "$base/key.pub" "$new"

# What stands after the notification daemons is for the robot that looks and
# clicks, then a terminal, and fonts that have nearly every character.
packages="lightdm xvfb xauth x11-xserver-utils xfce4-session xfwm4 xfdesktop4 xfce4-settings at-spi2-core
	sway xwayland
	xfce4-notifyd dunst mako-notifier libnotify-bin
	x11-utils xdotool grim
	xterm fontconfig fonts-dejavu-core fonts-wqy-microhei fonts-noto-color-emoji"

# As in server.sh.
lean=etc/dpkg/dpkg.cfg.d/lab
mmdebstrap --quiet --variant=custom \
	--aptopt='APT::Install-Recommends "false"' \
	--aptopt='Acquire::Languages "none"' \
	--setup-hook='cp -a "'"$base"'/root/." "$1"' \
	--setup-hook='printf "path-exclude=/usr/share/%s/*\n" doc man locale >"$1/'$lean'"' \
	--customize-hook='chroot "$1" apt-get install -qq --option=Dpkg::Use-Pty=0 --yes '"$(echo $packages)" \
	'' "$root"
rm -rf "$root/$lean" "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*

install_file() { # install_file PATH [MODE], with the content on standard input
	install -D -m "${2:-644}" /dev/stdin "$root/$1"
}

# lightdm asks for a real graphics card, and hands its X server the arguments
# of Xorg, of which Xvfb knows some. The pixels are in a file that the test reads.
install_file etc/lightdm/lightdm.conf.d/lab.conf <<-'END'
	[LightDM]
	logind-check-graphical=false
	[Seat:*]
	xserver-command=/usr/local/bin/lab-xserver
	autologin-session=xfce
END
install_file usr/local/bin/lab-xserver 755 <<-'END'
	#!/bin/sh
	# lab-xserver :N -seat SEAT -auth FILE -nolisten tcp vtN -novtswitch
	display=$1
	shift
	while [ "$1" != -auth ]; do shift; done
	mkdir -p /run/lab-screen
	exec Xvfb "$display" -screen 0 1024x768x24 -nocursor -fbdir /run/lab-screen -nolisten tcp -auth "$2"
END

# Without virtual terminals there is no session of logind for number 7, which
# lightdm asks for.
echo 'XDG_VTNR DEFAULT="" OVERRIDE="0"' | install_file etc/security/lab_env.conf
sed -i 's|^@include common-session|session required pam_env.so readenv=0 conffile=/etc/security/lab_env.conf\n&|' \
	"$root/etc/pam.d/lightdm-autologin"

# Somebody has to sign in first.
rm "$root/etc/systemd/system/display-manager.service"

# A program in every session, which knows the environment there and starts what
# it is told to.
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
install_file etc/sway/lab.conf <<-'END'
	output HEADLESS-1 resolution 1024x768
	seat * hide_cursor 100
	include /etc/sway/config.d/*
	exec /usr/local/bin/lab-session
END
