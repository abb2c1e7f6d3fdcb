# Shows a message box by Impacket's structures and waits for its answer:
# askbox.py HOST DOMAIN USER PASSWORD SESSION STYLE TIMEOUT TITLE TEXT
# Prints the number that the box answers with.
#
# Impacket reads that number as 16 bits, and the answer of a call that it makes
# itself only: so the call is sent and its answer read here.
import struct
import sys

from impacket.dcerpc.v5 import tsts
from impacket.smbconnection import SMBConnection

host, domain, user, password, session, style, timeout, title, text = sys.argv[1:]
smb = SMBConnection(host, host, timeout=120)
smb.login(user, password, domain)
with tsts.TermSrvSession(smb, host, False) as s:
    request = tsts.RpcShowMessageBox()
    request['hSession'] = s.hRpcOpenSession(int(session))
    request['szTitle'] = title + '\0'
    request['szMessage'] = text + '\0'
    request['ulStyle'] = int(style)
    request['ulTimeout'] = int(timeout)
    request['bDoNotWait'] = 0
    s._dce.call(request.opnum, request)
    answer = s._dce.recv()
    response, result = struct.unpack('<II', answer[:8])
    print(response, hex(result))
