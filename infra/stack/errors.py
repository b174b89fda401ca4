"""What can be wrong with a native stack: StackError, whose text says what to do."""


class StackError(RuntimeError):
    """The stack can't be brought up, or asked; one sentence for the person at the keyboard."""


class ToolMissing(StackError):
    """java, mvn or go is not there, or too old."""


class PortInUse(StackError):
    """Somebody else listens where a server of the stack should."""


class ServerFailed(StackError):
    """A server ended while it started, or did not answer in time; its log says why."""
