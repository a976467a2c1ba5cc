"""`python -m gateway`: the command line, or a child process of the supervisor (`_worker`, `_control`)."""

import sys


def main() -> int:
    arguments = sys.argv[1:]
    # Children do not load the command line: an edge worker stays small.
    if arguments[:1] in (["_worker"], ["_control"]):
        from gateway.run.worker import main as child

        return child(arguments[1:])
    from gateway.run.cli import main as command_line

    return command_line(arguments)


if __name__ == "__main__":
    sys.exit(main())
