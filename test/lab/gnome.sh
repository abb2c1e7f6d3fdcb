
# GNOME on Wayland. The shell has no graphics card and no input devices, and
# evaluates JavaScript for everybody on the bus of the user.
install_packages gnome-shell gnome-session gjs
install_file etc/systemd/user/org.gnome.Shell@wayland.service.d/lab.conf <<-'END'
	[Service]
	ExecStart=
	ExecStart=gnome-shell --wayland --headless --virtual-monitor 1024x768 --unsafe-mode
END
# As if the warning had been shown already that there is no gdm to lock the
# screen: it would stay in front of the next notification.
: | install_file etc/skel/.local/share/gnome-shell/lock-warning-shown
