"""The gateway's own voice on a station's line: who calls, whom they want, and whether they accept the notice.

values     what is heard of the caller, what is wanted of the house, what is said
machine    one step: pure, as the call machine is, which carries it in a visit's state
"""
