"""Run as a program: `walls.py WALLS PROGRAM ARGUMENT…` puts on what a systemd unit puts on, as far as one process can, and
becomes the program. WALLS is a JSON object: `families`, numbers of the address families that sockets may have, and `calls`,
numbers of the system calls that are allowed (x86-64).
"""

import ctypes
import errno
import json
import os
import struct
import sys

PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 22, 2
PR_SET_NO_NEW_PRIVS = 38
PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN = 65, 1
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
CALL_OFFSET, FIRST_ARGUMENT_OFFSET = 0, 16
SOCKET = 41

_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]


class _Program(ctypes.Structure):
    _fields_ = (("count", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def _instruction(code: int, value: int, if_equal: int = 0, if_not: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_equal, if_not, value)


def _filter(families: list[int], calls: list[int]) -> bytes:
    """`socket` by its family, every other call by its number, in pairs of test and return: no long jumps."""
    allow, refuse = _instruction(RETURN, ALLOW), _instruction(RETURN, ERRNO | errno.EPERM)
    unsupported = _instruction(RETURN, ERRNO | errno.EAFNOSUPPORT)
    pairs = [b"".join([_instruction(JUMP_EQUAL, family, 0, 1), allow]) for family in families]
    sockets = b"".join([_instruction(LOAD, FIRST_ARGUMENT_OFFSET), *pairs, unsupported])
    others = b"".join(b"".join([_instruction(JUMP_EQUAL, call, 0, 1), allow]) for call in calls)
    skip = len(sockets) // len(allow)
    return b"".join([_instruction(LOAD, CALL_OFFSET), _instruction(JUMP_EQUAL, SOCKET, 0, skip), sockets, others, refuse])


def _prctl(option: int, *values: int) -> None:
    if _libc.prctl(option, *values, *[0] * (4 - len(values))) != 0:
        raise OSError(ctypes.get_errno(), f"prctl {option}")


def main() -> None:
    walls = json.loads(sys.argv[1])
    instructions = ctypes.create_string_buffer(_filter(walls["families"], walls["calls"]))
    program = _Program(len(instructions.raw) // 8, ctypes.addressof(instructions))
    _prctl(PR_SET_NO_NEW_PRIVS, 1)
    _prctl(PR_SET_MDWE, MDWE_REFUSE_EXEC_GAIN)
    _prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.addressof(program))
    os.execv(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
