# Holds a Wine prefix for one test: serve.sh PREFIX SHIMS
#
# PREFIX is made if it is not there. Then its server runs, which stays when no
# program does, until standard input ends: so it ends with the process of the
# test, however that ends. One test at a time has the prefix; others wait.
set -Eeu
trap 'echo "serve.sh: line $LINENO: $BASH_COMMAND: exit $?" >&2' ERR # Wine is silent
prefix=$1
shims=$2
server=/usr/lib/wine/wineserver64 # Debian's wineserver insists on not staying
[ -x "$server" ] || server=wineserver
export WINEARCH=win64 WINEDLLOVERRIDES='mscoree,mshtml=;winemenubuilder.exe='

# No program of Windows holds the lock, or one that is left would keep it.
exec 9>"$prefix.lock"
flock 9

start() { # returns when the server is there, or wine would start one that does not stay
	"$server" -p 9>&-
}
stop() { # the server of this prefix, which the server finds by its lock, and its programs
	"$server" -k || true
}

if [ ! -d "$prefix" ]; then
	export WINEPREFIX="$prefix.new"
	rm -rf "$WINEPREFIX"
	mkdir -p "$WINEPREFIX"
	start
	wine wineboot.exe -i 9>&- >&2
	# Programs of today want a Windows of today, and wtsapi32 and authz are ours.
	# Services see no environment, so it is said in the registry.
	wine winecfg.exe /v win10 9>&- >&2
	for dll in wtsapi32 authz; do
		wine reg.exe add 'HKCU\Software\Wine\DllOverrides' /v "$dll" /d native /f 9>&- >&2
	done
	stop
	mv -T "$WINEPREFIX" "$prefix"
fi

export WINEPREFIX="$prefix"
rm -rf "$prefix/drive_c/msgtest"
mkdir "$prefix/drive_c/msgtest"
cp "$shims"/*.dll "$shims"/msgbox.exe "$prefix/drive_c/windows/system32"
up() { # starts the services
	wine cmd.exe /c exit 9>&- >&2
}
start
trap stop EXIT
up || { # seen once in hundreds of times, on a computer with much to do
	echo "serve.sh: Wine does not start: exit $?; once more" >&2
	stop
	start
	up
}
echo ready
read -r end || true
