# The network between the computers of the test: a bridge, in namespaces that
# end when standard input does.
set -eu
ip link set lo up
ip link add br0 type bridge
ip link set br0 up
echo up
exec cat >/dev/null
