# A server with Samba and winbind, and with Impacket, which has clients of
# Terminal Services that were not written here.
# samba.sh NEW BASE
set -eu
new=$1
base=$2
root=$new/root
cp "$base/key" "$base/key.pub" "$new"

# Impacket's programs are in its documentation.
lean=etc/dpkg/dpkg.cfg.d/lab
mmdebstrap --quiet --variant=custom \
	--aptopt='APT::Install-Recommends "false"' \
	--aptopt='Acquire::Languages "none"' \
	--setup-hook='cp -a "'"$base"'/root/." "$1"' \
	--setup-hook='printf "path-exclude=/usr/share/%s/*\n" doc man locale >"$1/'$lean'"' \
	--setup-hook='echo "path-include=/usr/share/doc/python3-impacket/*" >>"$1/'$lean'"' \
	--customize-hook='chroot "$1" apt-get install -qq --option=Dpkg::Use-Pty=0 --yes samba winbind smbclient python3-impacket' \
	'' "$root"
rm -rf "$root/$lean" "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*

# Nothing of it runs before a test has written its configuration.
for unit in smbd nmbd winbind samba-ad-dc; do
	rm -f "$root/etc/systemd/system/multi-user.target.wants/$unit.service"
done
