
# XFCE under lightdm with Xvfb, and sway, with three notification daemons.
install_packages \
	lightdm xvfb xauth x11-xserver-utils xfce4-session xfwm4 xfdesktop4 xfce4-settings xfce4-notifyd \
	sway grim mako-notifier dunst

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

install_file etc/sway/lab.conf <<-'END'
	output HEADLESS-1 resolution 1024x768
	seat * hide_cursor 100
	include /etc/sway/config.d/*
	exec /usr/local/bin/lab-session
END
