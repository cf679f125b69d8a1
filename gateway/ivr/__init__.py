"""The gateway's own voice: on a station's line who calls, whom they want, and whether they accept the notice; on a
family's telephone whether the call is accepted.

values     what is heard of the caller, what is wanted of the house, what is said
machine    one step with the station: pure, as the call machine is, which carries it in a visit's state
acceptance one step with the family's telephone, likewise
"""
