"""The whole worker side under every order of events: real code, on a loop without a clock, against models of the rest.

`virtual_loop` runs the coroutines, `world` holds what all share, `simulation` lets a schedule of bytes decide what
happens next, `checks` says what must hold after each step and at the end.
"""
