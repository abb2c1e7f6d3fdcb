"""Shows a message by Impacket's remote calls, the peer of BenchmarkMessage.

peer.py HOST DOMAIN USER PASSWORD-FILE SESSION TEXT

It does what Impacket's tstool.py does for "msg"; Debian 12's Impacket has the
calls, but no tstool.py yet, so the arguments of both calls are packed here
([MS-TSTS] 3.3.4.1.1 and 3.3.4.1.10).
"""

import struct
import sys

from impacket.dcerpc.v5 import rpcrt, transport
from impacket.uuid import uuidtup_to_bin

SESSION = ("484809d6-4239-471b-b5bc-61df8c23ac48", "1.0")


def string(s):
    """A [string] of WCHAR: largest and actual length with an offset, aligned."""
    units = (s + "\0").encode("utf-16-le")
    n = len(units) // 2
    return struct.pack("<III", n, 0, n) + units + b"\0" * (-len(units) % 4)


def box(dce, session, text, wait):
    """Shows a box, and returns its answer and the result of the call."""
    dce.call(0, struct.pack("<i", int(session)))
    handle = dce.recv()[:20]
    dce.call(9, handle + string(" ") + string(text) + struct.pack("<III", 0, 60, not wait))
    return struct.unpack("<II", dce.recv())


def main(host, domain, user, file, session, text):
    with open(file, encoding="utf-8") as f:
        password = f.readline().rstrip("\n")
    pipe = transport.DCERPCTransportFactory(r"ncacn_np:%s[\pipe\LSM_API_service]" % host)
    pipe.set_credentials(user, password, domain)
    dce = pipe.get_dce_rpc()
    dce.set_auth_level(rpcrt.RPC_C_AUTHN_LEVEL_PKT_PRIVACY)
    dce.connect()
    dce.bind(uuidtup_to_bin(SESSION))
    answer, result = box(dce, session, text, wait=False)
    if (answer, result) != (32001, 0):
        sys.exit("answer %d, result %#x" % (answer, result))
    dce.disconnect()


if __name__ == "__main__":
    main(*sys.argv[1:])
