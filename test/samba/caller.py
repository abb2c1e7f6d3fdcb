"""Makes remote calls by Impacket, a client that was not written here.

It reads one JSON object: host, session and text; smb and rpc, who signs in to
SMB and who makes the calls (user, password, domain); level, that of the
security of the calls; kerberos, the address of a KDC: both go by the ticket in
KRB5CCNAME then.

It prints what the box was answered, or the error. Impacket cannot ask for an
answer that comes later than a minute.
"""

import json
import sys

from impacket.dcerpc.v5 import rpcrt, transport
from impacket.uuid import uuidtup_to_bin

from peer import SESSION, box


def call(host, session, text, smb, rpc, level, kerberos=""):
    pipe = transport.DCERPCTransportFactory(r"ncacn_np:%s[\pipe\LSM_API_service]" % host)
    pipe.set_credentials(*smb)
    dce = pipe.get_dce_rpc()
    dce.set_credentials(*rpc)
    if kerberos:
        pipe.set_kerberos(True, kerberos)
        dce.set_auth_type(rpcrt.RPC_C_AUTHN_GSS_NEGOTIATE)
    dce.set_auth_level(level)
    dce.connect()
    dce.bind(uuidtup_to_bin(SESSION))
    return box(dce, session, text, wait=True)


try:
    print("answer %d, result %#x" % call(**json.load(sys.stdin)))
except Exception as e:
    print("%s: %s" % (type(e).__name__, e))
