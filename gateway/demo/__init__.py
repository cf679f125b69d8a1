"""The demonstration: a whole visit between two simulated people, unattended, and the proof that it worked.

demo.visit    a gateway of its own, one terminal and one family for each visit; story and report
terminal      child process: the facility's video terminal (an own SIP endpoint and RTP)
family        child process: the family's browser (a stock aiortc peer)
"""
