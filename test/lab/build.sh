# Builds one root filesystem: build.sh TARGET RECIPE ARG...
#
# RECIPE is a script that is given a new directory and ARG. It makes there root,
# the filesystem, and key, the private key that opens every account of it. The
# name of TARGET carries a hash of the scripts, so that any change in them builds
# anew.
set -eu
umask 022
target=$1
recipe=$2
shift 2

# mmdebstrap filters archives by a script that looks for its Python here. Some
# that developers install take a third of a second to start, for each package.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

# One builder at a time; the one that waited finds the work done. Every process
# of a build holds the lock, so whatever lies under the temporary name now was
# left by one that was interrupted and has ended.
exec 9>"$target.lock"
flock 9
[ ! -d "$target" ] || exit 0
new=$target.new
rm -rf "$new"
mkdir -p "$new"
sh -c "$recipe" recipe "$new" "$@"
mv -T "$new" "$target"
