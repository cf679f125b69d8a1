"""`python -m gateway.reports`: the child process of gateway.reports.errand.Office."""

from __future__ import annotations

import sys

from gateway.clock import SystemClock
from gateway.reports.errand import be_the_child

sys.exit(be_the_child(SystemClock().now()))
